-- a transaction that touches nothing published: an empty pair on 14, nothing from 15 on
-- setup
create table seen (id int primary key);
create table unseen (id int primary key);
create publication golden for table seen;
-- record
insert into unseen values (1);
insert into seen values (1);
