-- A shop that has grown for years: sales, stock, staff, books. Everything a careless tool would break on.
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist; CREATE EXTENSION cube; CREATE EXTENSION isn;
CREATE SCHEMA shop; CREATE SCHEMA hr; CREATE SCHEMA acct; CREATE SCHEMA "Ware House"; CREATE SCHEMA archive;

CREATE TYPE shop.order_status AS ENUM ('new', 'paid', 'in delivery', 'done', 'won''t pay');
CREATE TYPE shop.channel AS ENUM ('web', 'shop', 'phone');
CREATE TYPE hr.weekday AS ENUM ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun');
CREATE TYPE shop.address AS (street text, house varchar(10), zip char(6), city text, geo point);
CREATE TYPE shop.money_amount AS (amount numeric(14,2), currency char(3));
CREATE TYPE shop.contact AS (name text, mail citext, home shop.address, tags text[]);
CREATE TYPE shop.price_range AS RANGE (subtype = numeric);
CREATE DOMAIN shop.sku AS text CHECK (VALUE ~ '^[A-Z0-9-]+$');
CREATE DOMAIN shop.positive AS numeric(12,3) CHECK (VALUE > 0);
CREATE DOMAIN shop.percent AS numeric(5,2) DEFAULT 0 CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN shop.cheap AS shop.positive CHECK (VALUE < 1000);
CREATE DOMAIN shop.mail AS citext;
CREATE SEQUENCE shop.document_number START 1000 INCREMENT 5;
CREATE COLLATION shop.numbers (provider = icu, locale = 'en-u-kn-true');
CREATE COLLATION shop.no_case (provider = icu, locale = 'en-u-ks-level2', deterministic = false);

CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := '2024-06-01 12:00:00+00'; RETURN NEW; END $$;
CREATE FUNCTION shop.vat(amount numeric, rate numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round(amount * rate / 100, 2)';

CREATE TABLE shop.countries (code char(2) PRIMARY KEY, name text NOT NULL, native text, eu bool NOT NULL DEFAULT false, vat shop.percent);
CREATE TABLE shop.currencies (code char(3) PRIMARY KEY, digits smallint NOT NULL, symbol "char");
CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail shop.mail UNIQUE, name text NOT NULL COLLATE shop.no_case, born date, contact shop.contact, settings jsonb NOT NULL DEFAULT '{}',
  attributes hstore, photo bytea, rating real, score double precision, referred_by bigint REFERENCES shop.customers DEFERRABLE INITIALLY DEFERRED, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz);
CREATE TRIGGER customers_touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE INDEX customers_name_trgm ON shop.customers USING gin (name gin_trgm_ops); CREATE INDEX customers_settings ON shop.customers USING gin (settings jsonb_path_ops);
CREATE INDEX customers_born ON shop.customers (born DESC NULLS LAST) WHERE born IS NOT NULL; CREATE INDEX customers_lower ON shop.customers (lower(mail::text)); CREATE INDEX customers_created ON shop.customers USING brin (created_at);
CREATE TABLE shop.addresses (customer bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE, kind text NOT NULL, address shop.address, valid daterange NOT NULL, PRIMARY KEY (customer, kind), EXCLUDE USING gist (customer WITH =, valid WITH &&));
CREATE TABLE shop.categories (id serial PRIMARY KEY, path ltree NOT NULL, name text NOT NULL, parent int REFERENCES shop.categories, sort numeric, UNIQUE (path)); CREATE INDEX categories_path ON shop.categories USING gist (path);
CREATE TABLE shop.products (sku shop.sku PRIMARY KEY, name text NOT NULL, body text, price shop.cheap, cost numeric(18,8), tags text[] NOT NULL DEFAULT '{}', dimensions cube, isbn isbn13, prices shop.price_range, sold_in int4multirange,
  gross numeric GENERATED ALWAYS AS (round(price * 1.23, 2)) STORED, upper_name text GENERATED ALWAYS AS (upper(name)) STORED, search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || coalesce(body, ''))) STORED,
  category int REFERENCES shop.categories, available bool, weight real, updated_at timestamptz);
CREATE INDEX products_search ON shop.products USING gin (search); CREATE UNIQUE INDEX products_name_cat ON shop.products (name, category) INCLUDE (price); CREATE INDEX products_cheap ON shop.products (price) WHERE price < 10 AND available;
CREATE INDEX products_hash ON shop.products USING hash (name); CREATE INDEX products_expr ON shop.products ((price * 2), name DESC);
CREATE TABLE shop.product_images (sku shop.sku REFERENCES shop.products ON UPDATE CASCADE, n smallint, url text NOT NULL, pixels bytea, CONSTRAINT "product images: key" PRIMARY KEY (sku, n) DEFERRABLE);
CREATE TABLE shop.bundles (bundle shop.sku REFERENCES shop.products, part shop.sku REFERENCES shop.products, quantity shop.positive NOT NULL, CHECK (bundle <> part), PRIMARY KEY (bundle, part));
CREATE TABLE shop.orders (id bigint NOT NULL, placed date NOT NULL, customer bigint REFERENCES shop.customers, status shop.order_status NOT NULL DEFAULT 'new', channel shop.channel, total shop.money_amount, note text, shipping interval, ip inet, PRIMARY KEY (id, placed)) PARTITION BY RANGE (placed);
CREATE TABLE shop.orders_2022 PARTITION OF shop.orders FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE shop.orders_2023 PARTITION OF shop.orders FOR VALUES FROM ('2023-01-01') TO ('2024-01-01') PARTITION BY HASH (id);
CREATE TABLE shop.orders_2023_a PARTITION OF shop.orders_2023 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE shop.orders_2023_b PARTITION OF shop.orders_2023 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
CREATE INDEX orders_customer ON shop.orders (customer, placed DESC); CREATE INDEX orders_open ON shop.orders (status) WHERE status <> 'done';
CREATE TABLE shop.order_lines ("order" bigint, placed date, line int, sku shop.sku REFERENCES shop.products ON UPDATE CASCADE, quantity shop.positive, price numeric(12,2), total numeric GENERATED ALWAYS AS (quantity * price) STORED, discount shop.percent, PRIMARY KEY ("order", placed, line), FOREIGN KEY ("order", placed) REFERENCES shop.orders);
CREATE TABLE shop.payments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "order" bigint, amount money, at timestamptz(3), method varchar(20), raw json, answer xml);
CREATE TABLE shop.returns (like shop.order_lines INCLUDING DEFAULTS INCLUDING CONSTRAINTS, reason text, PRIMARY KEY ("order", placed, line));
CREATE TABLE shop.coupons (code text COLLATE "C" PRIMARY KEY, percent shop.percent, valid tstzrange, uses int CHECK (uses >= 0), channels shop.channel[]);
CREATE TABLE shop.coupon_uses (code text REFERENCES shop.coupons ON UPDATE CASCADE, customer bigint, at timestamptz); ALTER TABLE shop.coupon_uses REPLICA IDENTITY FULL;
CREATE TABLE shop.carts (customer bigint PRIMARY KEY, items jsonb, touched timestamp(0)) PARTITION BY HASH (customer);
CREATE TABLE shop.carts_0 PARTITION OF shop.carts FOR VALUES WITH (MODULUS 3, REMAINDER 0); CREATE TABLE shop.carts_1 PARTITION OF shop.carts FOR VALUES WITH (MODULUS 3, REMAINDER 1); CREATE TABLE shop.carts_2 PARTITION OF shop.carts FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE shop.reviews (id int PRIMARY KEY, sku text, stars smallint CHECK (stars BETWEEN 1 AND 5), body text, by text) WITH (fillfactor = 70); ALTER TABLE shop.reviews ALTER body SET STORAGE EXTERNAL;
CREATE TABLE shop.price_history (sku shop.sku, valid_from timestamptz, price numeric, PRIMARY KEY (sku, valid_from)); ALTER TABLE shop.price_history CLUSTER ON price_history_pkey;
CREATE UNLOGGED TABLE shop.sessions (id uuid PRIMARY KEY, data bytea);
CREATE TABLE shop.audit (at timestamptz, who name, what jsonb, tx xid8);
CREATE TABLE shop.settings (key text PRIMARY KEY, value jsonb); COMMENT ON TABLE shop.settings IS 'it''s "one" row per key'; COMMENT ON COLUMN shop.settings.value IS 'any JSON';
CREATE TABLE shop.translations (lang char(5), key text COLLATE shop.numbers, text text, PRIMARY KEY (lang, key));
CREATE TABLE shop."Order Items (old)" ("Id" int PRIMARY KEY, "Unit Price €" numeric(8,2), "select" text, "a""b" text, "naïve.column" int, rowid text, "_rowid_" int);
CREATE TABLE shop.empty_row ();
CREATE TABLE shop.shipping_zones (zone text PRIMARY KEY, area polygon, center point, edge circle, line path, box box, seg lseg, ln line);
CREATE TABLE shop.opening (day hr.weekday, hours int4range, open timetz, close time(0), PRIMARY KEY (day, hours));
CREATE TABLE shop.tags (tag citext PRIMARY KEY, uses bigint); CREATE TABLE shop.product_tags (sku shop.sku, tag citext REFERENCES shop.tags, PRIMARY KEY (sku, tag));
CREATE TABLE shop.wishes (customer bigint, sku text, at timestamptz NOT NULL); CREATE UNIQUE INDEX wishes_one ON shop.wishes (customer, sku); ALTER TABLE shop.wishes ALTER customer SET NOT NULL, ALTER sku SET NOT NULL; ALTER TABLE shop.wishes REPLICA IDENTITY USING INDEX wishes_one;

CREATE TABLE hr.people (id int PRIMARY KEY, name text, boss int REFERENCES hr.people, hired date, "left" date, salary numeric(10,2), skills hstore, photo oid); ALTER TABLE hr.people ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON hr.people USING (name = current_user);
CREATE TABLE hr.contractors (agency text, PRIMARY KEY (id)) INHERITS (hr.people); CREATE TABLE hr.interns (school text) INHERITS (hr.people);
CREATE TABLE hr.shifts (person int REFERENCES hr.people, day hr.weekday, hours int4range, EXCLUDE USING gist (person WITH =, hours WITH &&) WHERE (day IS NULL), PRIMARY KEY (person, day, hours));
CREATE TABLE hr.absences (id serial PRIMARY KEY, person int, span datemultirange, kind bit(3), flags varbit);
CREATE TABLE hr.badges (mac macaddr PRIMARY KEY, mac8 macaddr8, net cidr, person int, seen pg_lsn);

CREATE TABLE acct.accounts (number varchar(20) PRIMARY KEY, name text, kind "char", balance numeric NOT NULL DEFAULT 0);
CREATE TABLE acct.entries (id bigserial PRIMARY KEY, booked date NOT NULL DEFAULT CURRENT_DATE, debit varchar(20) REFERENCES acct.accounts, credit varchar(20) REFERENCES acct.accounts, amount numeric(20,4) NOT NULL, memo text, doc int DEFAULT nextval('shop.document_number'));
CREATE TABLE acct.rates (currency char(3), day date, rate numeric(30,15), PRIMARY KEY (currency, day)) PARTITION BY LIST (currency); CREATE TABLE acct.rates_eur PARTITION OF acct.rates FOR VALUES IN ('EUR'); CREATE TABLE acct.rates_x PARTITION OF acct.rates DEFAULT;
CREATE TABLE acct.years (year int PRIMARY KEY, closed bool); CREATE TABLE acct.closings (year int REFERENCES acct.years, account varchar(20), PRIMARY KEY (account, year), balance numeric);
CREATE TABLE "Ware House".places (aisle int, "Shelf" text, level smallint, PRIMARY KEY ("Shelf", aisle, level)); CREATE TABLE "Ware House".stock (sku text, aisle int, shelf text, level smallint, quantity numeric(12,3) NOT NULL, PRIMARY KEY (sku, aisle, shelf, level));
CREATE TABLE "Ware House".moves (id bigint PRIMARY KEY, sku text, quantity float8, at timestamp, by text); CREATE TABLE "Ware House"."Moves" (id int PRIMARY KEY);
CREATE TABLE archive.orders (LIKE shop.orders INCLUDING ALL); CREATE TABLE archive.blobs (id int PRIMARY KEY, content bytea, type regtype, made regclass);

CREATE VIEW shop.open_orders AS SELECT * FROM shop.orders WHERE status = 'new'; CREATE MATERIALIZED VIEW shop.top AS SELECT sku, count(*) AS n FROM shop.order_lines GROUP BY sku; CREATE UNIQUE INDEX top_sku ON shop.top (sku);
CREATE RULE no_delete AS ON DELETE TO shop.settings WHERE OLD.key = 'keep' DO INSTEAD NOTHING; CREATE STATISTICS shop.line_stats ON sku, price FROM shop.order_lines;
CREATE FUNCTION shop.booked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE acct.accounts SET balance = balance + NEW.amount WHERE number = NEW.debit; UPDATE acct.accounts SET balance = balance - NEW.amount WHERE number = NEW.credit; RETURN NULL; END $$;
CREATE TRIGGER entries_book AFTER INSERT ON acct.entries FOR EACH ROW EXECUTE FUNCTION shop.booked();
