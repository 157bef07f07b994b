-- transactional messages come inside their transaction, others at once and apart from it, even when it rolls back
-- setup
create table t (id int primary key);
-- record
begin;
insert into t values (1);
select pg_logical_emit_message(true, 'prefix', 'in order');
select pg_logical_emit_message(false, 'apart', 'at once');
insert into t values (2);
commit;
select pg_logical_emit_message(true, '', '');
begin;
select pg_logical_emit_message(true, 'lost', 'rolled back');
select pg_logical_emit_message(false, 'kept', 'survives');
rollback;
