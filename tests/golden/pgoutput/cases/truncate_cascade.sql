-- one message names every published table that CASCADE reached, with both options
-- setup
create table parent (id serial primary key);
create table child (id int primary key, parent_id int references parent);
insert into parent default values;
insert into child values (1, 1);
-- record
truncate parent restart identity cascade;
truncate child;
