INSERT INTO shop.countries VALUES ('PL', 'Poland', 'Polska', true, 23), ('JP', 'Japan', '日本', false, 10), ('XX', 'Nowhere', NULL, false, DEFAULT);
INSERT INTO shop.currencies VALUES ('PLN', 2, 'z'), ('JPY', 0, 'Y'), ('BHD', 3, NULL);
INSERT INTO shop.customers (mail, name, born, contact, settings, attributes, photo, rating, score, referred_by, created_at)
  SELECT 'User' || i || '@Example.org', 'Customer ' || i, CASE WHEN i % 5 > 0 THEN date '1950-01-01' + i * 37 END, ROW('N' || i, 'm@x', ROW('Street "' || i || '"', i::text, '00-' || i, E'Łódź\n', point(i, -i)), ARRAY['a', NULL, 'b,c'])::shop.contact,
  jsonb_build_object('n', i, 'deep', jsonb_build_array(i, NULL, 'x')), hstore(ARRAY['k', 'q'], ARRAY[i::text, NULL]), decode(repeat(lpad(to_hex(i % 256), 2, '0'), i % 200), 'hex'), i / 7.0, CASE i % 10 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE i / 3.0 END,
  CASE WHEN i > 5 THEN i - 5 END, timestamptz '2024-01-15 12:00:00.123456+00' + i * interval '1 hour' FROM generate_series(1, 300) i;
INSERT INTO shop.addresses SELECT i, 'home', ROW('S', '1', '1', 'C', NULL)::shop.address, daterange('2020-01-01', NULL) FROM generate_series(1, 100) i;
INSERT INTO shop.categories (path, name, parent, sort) VALUES ('top', 'Top', NULL, 1), ('top.books', 'Books', 1, 1.5), ('top.toys', 'Toys', 1, 1.25);
INSERT INTO shop.products (sku, name, body, price, cost, tags, dimensions, isbn, prices, sold_in, category, available, weight)
  SELECT 'P-' || i, 'Product ' || i, repeat('word ' || i || ' ', i), i + 0.5, i / 3.0, ARRAY['t' || i % 5], cube(ARRAY[i, 2, 3]), CASE WHEN i = 1 THEN isbn13 '978-0-393-04002-9' END, shop.price_range(i, i + 10.5), int4multirange(int4range(i, i + 5), int4range(i + 10, NULL)), 1 + i % 3, i % 2 = 0, i * 0.1 FROM generate_series(1, 120) i;
INSERT INTO shop.product_images SELECT 'P-' || i, n, 'http://x/' || i, decode(repeat('00ff', 2000), 'hex') FROM generate_series(1, 30) i, generate_series(1, 2) n;
INSERT INTO shop.bundles VALUES ('P-1', 'P-2', 1.5), ('P-1', 'P-3', 0.001);
INSERT INTO shop.orders SELECT i, date '2022-01-01' + i * 2, 1 + i % 300, (enum_range(NULL::shop.order_status))[1 + i % 5], (enum_range(NULL::shop.channel))[1 + i % 3], ROW(i * 1.5, 'PLN')::shop.money_amount, CASE WHEN i % 4 = 0 THEN repeat('note ', i) END, i * interval '1 hour 1 month', ('10.0.0.' || i % 256)::inet FROM generate_series(1, 500) i;
INSERT INTO shop.order_lines ("order", placed, line, sku, quantity, price, discount) SELECT i, date '2022-01-01' + i * 2, n, 'P-' || 1 + (i + n) % 120, n + 0.125, i / 8.0, i % 100 FROM generate_series(1, 500) i, generate_series(1, 3) n;
INSERT INTO shop.payments SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, i, (i * 10)::money, '2024-01-15 12:34:56.789123+00', 'card', '{"a" : 1, "a": 2}', xmlparse(content '<a>b</a>') FROM generate_series(1, 50) i;
INSERT INTO shop.returns ("order", placed, line, sku, quantity, price, reason) VALUES (1, '2022-01-03', 1, 'P-3', 1, 1, 'broken');
INSERT INTO shop.coupons VALUES ('SUMMER', 10, '[2024-06-01,2024-09-01)', 5, '{web,phone}'), ('never', 0, 'empty', 0, NULL);
INSERT INTO shop.coupon_uses VALUES ('SUMMER', 1, '2024-06-02'), ('SUMMER', 1, '2024-06-02'), ('SUMMER', NULL, NULL);
INSERT INTO shop.carts SELECT i, '[]', '2024-01-15' FROM generate_series(1, 60) i;
INSERT INTO shop.reviews SELECT i, 'P-' || i, 1 + i % 5, repeat('review ' || i, 400), NULL FROM generate_series(1, 40) i;
INSERT INTO shop.price_history SELECT 'P-' || 1 + i % 9, timestamptz '2024-01-01 00:00+00' + i * interval '1 day', i / 7.0 FROM generate_series(1, 90) i;
INSERT INTO shop.sessions VALUES (gen_random_uuid(), '\x00'); INSERT INTO shop.audit VALUES (now(), 'me', '{}', '5');
INSERT INTO shop.settings VALUES ('a', 'null'), ('b', NULL), ('keep', '[1, 2.50, "x"]'); INSERT INTO shop.translations VALUES ('pl_PL', 'k10', 'dziesięć'), ('pl_PL', 'k9', 'dziewięć');
INSERT INTO shop."Order Items (old)" VALUES (1, 9.99, 'select', '"', 1, 'r', 7); INSERT INTO shop.empty_row DEFAULT VALUES;
INSERT INTO shop.shipping_zones VALUES ('a', '((0,0),(1,1),(1,0))', '(1.5,-2)', '<(0,0),3>', '[(0,0),(1,2)]', '(2,2),(0,0)', '[(0,0),(1,1)]', '{1,2,3}');
INSERT INTO shop.opening VALUES ('mon', '[8,12)', '08:00+01', '24:00'), ('sun', 'empty', NULL, NULL);
INSERT INTO shop.tags VALUES ('New', 1), ('ÄŁ', 2); INSERT INTO shop.product_tags VALUES ('P-1', 'new'), ('P-2', 'NEW'); INSERT INTO shop.wishes VALUES (1, 'P-1', '2024-01-15'), (2, 'P-1', '2024-01-15');
INSERT INTO hr.people VALUES (1, 'Boss', NULL, '2000-01-01', NULL, 99999.99, NULL, 4294967295), (2, 'Ann', 1, '-infinity', 'infinity', 1, 'a=>1', 0); INSERT INTO hr.contractors VALUES (3, 'Con', 1, '2020-01-01', NULL, 5, NULL, NULL, 'Agency'); INSERT INTO hr.interns VALUES (4, 'Int', 2, '2024-01-01', NULL, 0, NULL, NULL, 'School');
INSERT INTO hr.shifts VALUES (1, 'mon', '[8,16)'), (2, 'tue', '[8,16)'); INSERT INTO hr.absences (person, span, kind, flags) VALUES (1, '{[2024-01-01,2024-01-05),[2024-02-01,)}', B'101', B'1'), (2, '{}', B'000', B'');
INSERT INTO hr.badges VALUES ('08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '10.0.0.0/8', 1, '16/B374D848');
INSERT INTO acct.accounts VALUES ('100', 'Cash', 'a'), ('200', 'Bank', 'a'), ('400', 'Cost', E'\u0041'); INSERT INTO acct.entries (booked, debit, credit, amount, memo) SELECT date '2024-01-01' + i, '100', '200', i * 1.0001, 'memo ' || i FROM generate_series(1, 80) i;
INSERT INTO acct.rates SELECT c, date '2024-01-01' + i, 1.123456789012345 + i FROM unnest(ARRAY['EUR', 'USD', 'JPY']) c, generate_series(1, 20) i; INSERT INTO acct.years VALUES (2023, true), (2024, NULL); INSERT INTO acct.closings VALUES (2023, '100', 'NaN');
INSERT INTO "Ware House".places SELECT a, 'S' || s, l FROM generate_series(1, 3) a, generate_series(1, 3) s, generate_series(1, 2) l; INSERT INTO "Ware House".stock SELECT 'P-' || i, i % 3, 'S1', 1, i FROM generate_series(1, 50) i; INSERT INTO "Ware House".moves SELECT i, 'P-1', i / 3.0, '2024-01-15 12:00', 'Ann' FROM generate_series(1, 40) i; INSERT INTO "Ware House"."Moves" VALUES (1);
INSERT INTO archive.orders SELECT * FROM shop.orders LIMIT 10; INSERT INTO archive.blobs VALUES (1, '\xdeadbeef', 'int4', 'shop.settings');
