-- one transaction over two relations and a savepoint; each relation is described once
-- setup
create table a (id int primary key, v text);
create table b (id int primary key, v text);
-- record
begin;
insert into a values (1, 'a1');
insert into b values (1, 'b1');
savepoint s;
insert into a values (2, 'rolled back');
rollback to s;
update b set v = 'b2';
delete from a;
commit;
insert into a values (3, 'a3');
