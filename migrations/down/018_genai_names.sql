-- Totals of model calls under the names of the version before, which knows no modality.
WITH now AS (
    DELETE FROM enterprise.totals
    WHERE metric LIKE 'gen\_ai.client.inference.%' OR metric LIKE 'gen\_ai.client.embeddings.%'
    RETURNING metric, attributes, count, sum, zero_count
), named AS (
    SELECT *, attributes - 'gen_ai.token.modality' AS call FROM now
), before (metric, attributes, count, sum, zero_count) AS (
    SELECT 'gen_ai.client.operation.duration', attributes, count, sum, zero_count
    FROM named WHERE metric IN ('gen_ai.client.inference.duration', 'gen_ai.client.embeddings.duration')
    UNION ALL
    SELECT replace(metric, '.inference.', '.operation.'), attributes, count, sum, zero_count
    FROM named WHERE metric IN (
        'gen_ai.client.inference.time_to_first_chunk', 'gen_ai.client.inference.time_per_output_chunk')
    UNION ALL
    SELECT metric, call, 0, sum, 0
    FROM named WHERE metric IN (
        'gen_ai.client.inference.usage.cache_read.input_tokens', 'gen_ai.client.inference.usage.reasoning.output_tokens')
    UNION ALL
    SELECT 'gen_ai.client.token.usage', call || '{"gen_ai.token.type": "input"}', count, sum, zero_count
    FROM named WHERE metric = 'gen_ai.client.embeddings.operation.input_tokens'
    UNION ALL
    -- The sum is the counters'; how many calls it is of, the histograms'.
    SELECT 'gen_ai.client.token.usage', call || jsonb_build_object('gen_ai.token.type', substring(metric from '(input|output)_tokens$')),
        0, sum, 0
    FROM named WHERE metric IN ('gen_ai.client.inference.usage.input_tokens', 'gen_ai.client.inference.usage.output_tokens')
    UNION ALL
    SELECT 'gen_ai.client.token.usage',
        call - 'error.type' || jsonb_build_object('gen_ai.token.type', substring(metric from '(input|output)_tokens$')),
        count, 0, zero_count
    FROM named WHERE metric IN (
        'gen_ai.client.inference.operation.input_tokens', 'gen_ai.client.inference.operation.output_tokens')
)
INSERT INTO enterprise.totals AS total (metric, series, attributes, count, sum, zero_count)
SELECT metric, md5(attributes::text), attributes, sum(count), sum(sum), sum(zero_count)
FROM before GROUP BY metric, attributes
ON CONFLICT (metric, series) DO UPDATE SET count = total.count + excluded.count, sum = total.sum + excluded.sum,
    zero_count = total.zero_count + excluded.zero_count;
