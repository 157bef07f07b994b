-- A small shop: an enum, an array, JSON, exact decimals, timestamps, a partitioned table. For psql; `orders` may be set before.
\if :{?orders}
\else
  \set orders 300000
\endif

CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped', 'returned');

CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  preferences jsonb NOT NULL DEFAULT '{}',
  member_since date NOT NULL,
  last_seen timestamptz
);

CREATE TABLE products (
  sku text PRIMARY KEY,
  title text NOT NULL,
  price numeric(10,2) NOT NULL,
  tags text[] NOT NULL DEFAULT '{}',
  in_stock int NOT NULL,
  photo uuid
);

CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL,
  status order_status NOT NULL DEFAULT 'new',
  total numeric(12,2) NOT NULL,
  gift boolean NOT NULL DEFAULT false,
  placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_of_customer ON orders (customer_id, placed_at DESC);

CREATE TABLE order_lines (
  order_id bigint NOT NULL,
  line int NOT NULL,
  sku text NOT NULL,
  quantity int NOT NULL,
  price numeric(10,2) NOT NULL,
  PRIMARY KEY (order_id, line)
) PARTITION BY HASH (order_id);
CREATE TABLE order_lines_0 PARTITION OF order_lines FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE order_lines_1 PARTITION OF order_lines FOR VALUES WITH (MODULUS 2, REMAINDER 1);

INSERT INTO customers (name, email, preferences, member_since, last_seen)
SELECT 'Customer ' || i, 'customer' || i || '@example.com',
       jsonb_build_object('newsletter', i % 3 = 0, 'language', (ARRAY['en', 'de', 'pl', 'ja'])[i % 4 + 1]),
       date '2020-01-01' + i % 2000, now() - i * interval '1 minute'
FROM generate_series(1, 50000) i;

INSERT INTO products (sku, title, price, tags, in_stock, photo)
SELECT 'SKU-' || lpad(i::text, 5, '0'), 'Product No. ' || i, (i % 9973) / 100.0 + 1, ARRAY['tag' || i % 7, 'season ' || i % 4], 1000, gen_random_uuid()
FROM generate_series(1, 2000) i;

INSERT INTO orders (customer_id, status, total, gift, placed_at)
SELECT i % 50000 + 1, (ARRAY['new', 'paid', 'shipped', 'returned'])[i % 4 + 1]::order_status, (i % 50000) / 100.0 + 5, i % 10 = 0,
       now() - i * interval '17 seconds'
FROM generate_series(1, :orders) i;

INSERT INTO order_lines
SELECT o, l, 'SKU-' || lpad(((o * 3 + l) % 2000 + 1)::text, 5, '0'), o % 3 + 1, (o % 500) / 10.0 + 1
FROM generate_series(1, :orders) o, generate_series(1, 3) l;

ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders, ADD FOREIGN KEY (sku) REFERENCES products;
ANALYZE;
