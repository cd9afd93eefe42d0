-- Tokens that end with an evaluation.

ALTER TABLE tokens ADD COLUMN evaluation TEXT COLLATE "C";
CREATE INDEX tokens_evaluation ON tokens (evaluation) WHERE evaluation IS NOT NULL;
