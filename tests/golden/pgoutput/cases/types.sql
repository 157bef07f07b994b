-- a Type message before the relation for every column whose type is not built in: enum, domain, composite, array
-- setup
create type mood as enum ('sad', 'ok');
create domain positive as int check (value > 0);
create type pair as (x int, y text);
create schema "Odd one";
create table "Odd one"."T t" ("I d" int primary key, m mood, p positive, c pair, ms mood[], i int[], n numeric(12,4), v varchar(7));
-- record
insert into "Odd one"."T t" values (1, 'ok', 7, row(1, 'q,z'), '{sad,ok}', '{1,NULL,3}', 12.5, 'seven');
