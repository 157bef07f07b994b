-- the columns of the named index are the key; a change of the primary key alone sends no old row
-- setup
create table t (id int primary key, code text not null, v int);
create unique index t_code on t (code);
alter table t replica identity using index t_code;
insert into t values (1, 'one', 0);
-- record
update t set id = 11;
update t set code = 'eleven';
delete from t;
