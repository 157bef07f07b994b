-- leaves are published under their own oid and column order; a row that moves is a delete and an insert
-- setup
create table t (id int, region text, v int, primary key (id, region)) partition by list (region);
create table t_eu partition of t for values in ('eu');
create table t_us (v int, region text not null, id int not null, primary key (id, region));
alter table t attach partition t_us for values in ('us');
-- record
insert into t values (1, 'eu', 10), (2, 'us', 20);
update t set region = 'us' where id = 1;
truncate t;
