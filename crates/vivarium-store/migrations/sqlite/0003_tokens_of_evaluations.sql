-- Tokens that end with an evaluation.

ALTER TABLE tokens ADD COLUMN evaluation TEXT;
CREATE INDEX tokens_evaluation ON tokens (evaluation) WHERE evaluation IS NOT NULL;
