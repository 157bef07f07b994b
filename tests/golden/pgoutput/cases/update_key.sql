-- an update that keeps the key sends no old row; one that changes it sends the old key ('K')
-- setup
create table t (id int primary key, v text);
insert into t values (1, 'a');
-- record
update t set v = 'b' where id = 1;
update t set id = 10 where id = 1;
