CREATE TABLE "journal_seal_row" ("id" INTEGER NOT NULL PRIMARY KEY, "last_id" INTEGER NOT NULL,
    "rows" INTEGER NOT NULL, "digest" VARCHAR(64) NOT NULL, "sealed_at" INTEGER NOT NULL);
CREATE UNIQUE INDEX "journal_seal_row_last_id" ON "journal_seal_row" ("last_id");
