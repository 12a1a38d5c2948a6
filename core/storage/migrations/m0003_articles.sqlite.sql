CREATE TABLE "article_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "number" VARCHAR(20) NOT NULL, "title" VARCHAR(200) NOT NULL, "symptom" TEXT NOT NULL,
    "cause" TEXT NOT NULL, "remedy" TEXT NOT NULL, "category" VARCHAR(100) NOT NULL,
    "failure_mode" VARCHAR(20) NOT NULL, "failure_cause" VARCHAR(20) NOT NULL,
    "failure_remedy" VARCHAR(20) NOT NULL, "audience" VARCHAR(10) NOT NULL, "state" VARCHAR(10) NOT NULL,
    "author_id" INTEGER, "source_ticket_id" INTEGER, "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    FOREIGN KEY ("author_id") REFERENCES "person_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("source_ticket_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "article_row_number" ON "article_row" ("number");
CREATE INDEX "article_row_category" ON "article_row" ("category");
CREATE INDEX "article_row_author_id" ON "article_row" ("author_id");
CREATE INDEX "article_row_source_ticket_id" ON "article_row" ("source_ticket_id");
CREATE TABLE "article_use_row" ("id" INTEGER NOT NULL PRIMARY KEY, "article_id" INTEGER NOT NULL,
    "ticket_id" INTEGER NOT NULL, "person_id" INTEGER, "at" INTEGER NOT NULL,
    FOREIGN KEY ("article_id") REFERENCES "article_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE SET NULL);
CREATE INDEX "article_use_row_article_id" ON "article_use_row" ("article_id");
CREATE INDEX "article_use_row_ticket_id" ON "article_use_row" ("ticket_id");
CREATE INDEX "article_use_row_person_id" ON "article_use_row" ("person_id");
CREATE UNIQUE INDEX "article_use_row_article_id_ticket_id" ON "article_use_row" ("article_id", "ticket_id");
