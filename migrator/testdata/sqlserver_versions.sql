CREATE TABLE "notes_a" ("id" bigint,"number" nvarchar(256) COLLATE Latin1_General_100_BIN2,"valid_from" datetimeoffset NOT NULL,"valid_to" datetimeoffset,PRIMARY KEY ("id"),CONSTRAINT "chk_version_period_notes_a" CHECK ("valid_from" < "valid_to"));
CREATE UNIQUE INDEX "uni_version_start_notes_a" ON "notes_a"("number","valid_from");
CREATE UNIQUE INDEX "uni_version_open_notes_a" ON "notes_a"("number") WHERE "valid_to" IS NULL;
CREATE TABLE "prices" ("id" bigint,"zone" bigint NOT NULL,"class" bigint NOT NULL,"since" datetimeoffset NOT NULL,"until" datetimeoffset NOT NULL,"deleted_at" datetimeoffset,PRIMARY KEY ("id"),CONSTRAINT "chk_version_period_prices" CHECK ("since" < "until"));
CREATE UNIQUE INDEX "uni_version_start_prices" ON "prices"("zone","class","since") WHERE "deleted_at" IS NULL;
CREATE UNIQUE INDEX "uni_version_open_prices" ON "prices"("zone","class") WHERE "deleted_at" IS NULL AND "until" >= '99991231';
ALTER TABLE "notes_a" WITH CHECK ADD CONSTRAINT "chk_version_sealed_sb8lc0_dw_notes_a" CHECK ("valid_to" IS NOT NULL AND "valid_to" <= '2024-04-01T00:00:00.0000005+00:00');
