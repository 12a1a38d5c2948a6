CREATE TABLE "api_token_row" ("id" SERIAL NOT NULL PRIMARY KEY, "name" VARCHAR(100) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL, "actions" TEXT NOT NULL, "created_by_id" INTEGER,
    "created_at" BIGINT NOT NULL, "expires_at" BIGINT, "used_at" BIGINT, "revoked_at" BIGINT,
    FOREIGN KEY ("created_by_id") REFERENCES "person_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "api_token_row_token_hash" ON "api_token_row" ("token_hash");
CREATE INDEX "api_token_row_created_by_id" ON "api_token_row" ("created_by_id");
CREATE TABLE "webhook_row" ("id" SERIAL NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "url" VARCHAR(500) NOT NULL, "secret" VARCHAR(100) NOT NULL,
    "verbs" TEXT NOT NULL, "allow_private" BOOLEAN NOT NULL, "active" BOOLEAN NOT NULL,
    "cursor" BIGINT NOT NULL);
CREATE TABLE "webhook_call_row" ("id" SERIAL NOT NULL PRIMARY KEY, "webhook_id" INTEGER NOT NULL,
    "journal_id" BIGINT NOT NULL, "next_try_at" BIGINT, "attempts" INTEGER NOT NULL, "delivered_at" BIGINT,
    "status" INTEGER, "failure" VARCHAR(200) NOT NULL,
    FOREIGN KEY ("webhook_id") REFERENCES "webhook_row" ("id") ON DELETE CASCADE);
CREATE INDEX "webhook_call_row_webhook_id" ON "webhook_call_row" ("webhook_id");
CREATE INDEX "webhook_call_row_next_try_at" ON "webhook_call_row" ("next_try_at");
CREATE UNIQUE INDEX "webhook_call_row_webhook_id_journal_id" ON "webhook_call_row" ("webhook_id",
    "journal_id");
