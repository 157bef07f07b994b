-- old rows come whole ('O'), for updates and deletes; without a key every column is flagged
-- setup
create table t (id int, v text, big text);
alter table t alter big set storage external;
alter table t replica identity full;
insert into t values (1, 'a', repeat('y', 2500)), (2, null, null);
-- record
update t set v = 'b' where id = 1;
delete from t where id = 2;
