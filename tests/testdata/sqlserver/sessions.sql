-- asked for
-- select Customer: sessions {EU US APAC}
SELECT * FROM "customers_eu" AS "customers" ORDER BY id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY
SELECT * FROM "customers_us" AS "customers" ORDER BY id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY
SELECT * FROM "customers_apac" AS "customers" ORDER BY id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- count
-- select Customer: sessions {EU US APAC}
SELECT count(*) FROM "customers_eu" AS "customers"
SELECT count(*) FROM "customers_us" AS "customers"
SELECT count(*) FROM "customers_apac" AS "customers"

-- by text, whose order is the server's
-- refused: dtde: unsupported on a sharded model (Customer): ORDER BY name by sessions: its order is the database's own; let the planner use a union, or narrow the statement to one shard [sessions-order]

