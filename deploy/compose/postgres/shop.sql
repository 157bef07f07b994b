-- Runs once, when the volume of the database is new: the shop of the demonstration, small enough to be there at once.
\set orders 30000
\i /demo/shop.sql
