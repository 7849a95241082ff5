-- the first page over shards
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY "customers"."id" OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- by the primary key
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE "customers"."id" > @p1 ORDER BY id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- backwards
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE "customers"."id" < @p1 ORDER BY id DESC OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- with a condition
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE spent > @p1 AND "customers"."id" > @p2 ORDER BY id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- behind the shards of a date
-- select Order: union {2024 2025}
SELECT * FROM (SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2024" AS "orders" UNION ALL SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2025" AS "orders") AS "orders" WHERE ("orders"."order_date" > @p1 OR ("orders"."order_date" = @p2 AND "orders"."id" > @p3)) AND "orders"."deleted_at" IS NULL ORDER BY order_date,"orders"."id" OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

