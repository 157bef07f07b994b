-- a transaction replayed from elsewhere names its origin right after its begin
-- setup
create table t (id int primary key);
select pg_replication_origin_create('elsewhere');
-- record
select pg_replication_origin_session_setup('elsewhere');
begin;
select pg_replication_origin_xact_setup('0/ABCDEF', '2026-01-02 03:04:05+00');
insert into t values (1);
commit;
select pg_replication_origin_session_reset();
