-- the relation is described again after every change of its shape, also when nothing of it shows on the wire
-- setup
create table t (id int primary key, v text);
-- record
insert into t values (1, 'a');
alter table t add column n int default 5;
insert into t values (2, 'b');
create index on t (v);
insert into t values (3, 'c');
alter table t drop column v;
insert into t values (4, 6);
