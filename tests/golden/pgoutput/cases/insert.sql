-- one row per kind of value: text, empty text, NULL, and several rows of one transaction
-- setup
create table t (id int primary key, a text, b text, c numeric(10,2), d timestamptz);
-- record
insert into t values (1, 'one', '', 1.50, '2026-11-21 10:00:00+02'), (2, null, 'ünï', -0.01, 'infinity');
