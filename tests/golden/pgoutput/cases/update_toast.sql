-- a TOAST value that did not change is not sent again
-- setup
create table t (id int primary key, n int, big text);
alter table t alter big set storage external;
insert into t values (1, 1, repeat('x', 3000));
-- record
update t set n = 2 where id = 1;
update t set id = 2 where id = 1;
