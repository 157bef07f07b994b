-- a table without identity can only grow
-- setup
create table t (id int, v text);
alter table t replica identity nothing;
-- record
insert into t values (1, 'a');
