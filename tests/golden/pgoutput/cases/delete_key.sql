-- a delete sends the key columns, the others as NULL
-- setup
create table t (a int, b text, c text, primary key (c, a));
insert into t values (1, 'gone', 'k');
-- record
delete from t;
