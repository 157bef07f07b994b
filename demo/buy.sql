-- One purchase in the shop of shop.sql, for pgbench: a live workload of inserts, updates and now and then a delete.
\set customer random(1, 50000)
\set product random(1, 2000)
\set quantity random(1, 4)
\set back random(1, 50)
\set returned random(1, 300000)
BEGIN;
INSERT INTO orders (customer_id, total, gift)
SELECT :customer, price * :quantity, :quantity = 4 FROM products WHERE sku = 'SKU-' || lpad((:product)::text, 5, '0')
RETURNING id AS order_id, total AS paid \gset
INSERT INTO order_lines VALUES (:order_id, 1, 'SKU-' || lpad((:product)::text, 5, '0'), :quantity, :paid / :quantity);
UPDATE products SET in_stock = in_stock - :quantity WHERE sku = 'SKU-' || lpad((:product)::text, 5, '0');
UPDATE orders SET status = 'paid' WHERE id = :order_id - :back;
UPDATE customers SET last_seen = clock_timestamp(), preferences = preferences || '{"returning": true}' WHERE id = :customer;
DELETE FROM order_lines WHERE order_id = :returned AND line = 3;
COMMIT;
