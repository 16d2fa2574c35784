-- transaction: none
--
-- Search in transcripts by their words. The dearest index of a call, which no call needs: it may be made,
-- and made again, while calls are written.

CREATE INDEX CONCURRENTLY IF NOT EXISTS transcriptions_text_trigrams
  ON transcriptions USING gin (text public.gin_trgm_ops);
