-- Totals of model calls under the names of the GenAI conventions 0.1. A collector of the version before that is still running
-- adds to the names of before; whoever reads totals takes those for the same.
WITH before AS (
    DELETE FROM enterprise.totals
    WHERE metric IN (
            'gen_ai.client.token.usage',
            'gen_ai.client.operation.time_to_first_chunk',
            'gen_ai.client.operation.time_per_output_chunk')
        OR (metric = 'gen_ai.client.operation.duration'
            AND attributes->>'gen_ai.operation.name' IN ('chat', 'text_completion', 'generate_content', 'embeddings'))
        OR (metric IN (
                'gen_ai.client.inference.usage.cache_read.input_tokens',
                'gen_ai.client.inference.usage.reasoning.output_tokens')
            AND NOT attributes ? 'gen_ai.token.modality')
    RETURNING metric, attributes, count, sum, zero_count
), named AS (
    SELECT *, coalesce(attributes->>'gen_ai.operation.name', '') AS operation, attributes->>'gen_ai.token.type' AS type,
        attributes - 'gen_ai.token.type' AS call, '{"gen_ai.token.modality": "unknown"}'::jsonb AS modality
    FROM before
), after (metric, attributes, count, sum, zero_count) AS (
    SELECT CASE WHEN operation = 'embeddings' THEN 'gen_ai.client.embeddings.duration'
        ELSE 'gen_ai.client.inference.duration' END, attributes, count, sum, zero_count
    FROM named WHERE metric = 'gen_ai.client.operation.duration'
    UNION ALL
    SELECT replace(metric, '.operation.', '.inference.'), attributes, count, sum, zero_count
    FROM named WHERE metric IN (
        'gen_ai.client.operation.time_to_first_chunk', 'gen_ai.client.operation.time_per_output_chunk')
    UNION ALL
    -- No provider says of what kind these are.
    SELECT metric, attributes || modality, 0, sum, 0
    FROM named WHERE metric LIKE 'gen_ai.client.inference.usage.%'
    UNION ALL
    SELECT 'gen_ai.client.embeddings.operation.input_tokens', call, count, sum, zero_count
    FROM named WHERE type = 'input' AND operation = 'embeddings'
    UNION ALL
    -- Tokens were counted by type, of whatever kind.
    SELECT 'gen_ai.client.inference.usage.' || type || '_tokens', call || modality, 0, sum, 0
    FROM named WHERE (type = 'input' AND operation <> 'embeddings') OR (type = 'output' AND (operation <> 'embeddings' OR sum > 0))
    UNION ALL
    -- What migration 017 counted once has no calls by which it could be a histogram.
    SELECT 'gen_ai.client.inference.operation.' || type || '_tokens', call, count, sum, zero_count
    FROM named WHERE count > 0
        AND ((type = 'input' AND operation <> 'embeddings') OR (type = 'output' AND (operation <> 'embeddings' OR sum > 0)))
)
INSERT INTO enterprise.totals AS total (metric, series, attributes, count, sum, zero_count)
SELECT metric, md5(attributes::text), attributes, sum(count), sum(sum), sum(zero_count)
FROM after GROUP BY metric, attributes
ON CONFLICT (metric, series) DO UPDATE SET count = total.count + excluded.count, sum = total.sum + excluded.sum,
    zero_count = total.zero_count + excluded.zero_count;
