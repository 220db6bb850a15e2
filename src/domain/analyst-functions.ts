/**
 * The functions that an analyst's SQL may call, by what they are about; what is not here is refused. They were chosen from `duckdb_functions()` of the pinned
 * version by what they take and give: values. Left out is what reads files, settings, variables, the catalog, the session or a sequence, waits, writes a log,
 * draws chance, or serves DuckDB itself.
 */
export const analystFunctions = {
  operators: words('+ - * / // % ** ^ & | << >> ~ !__postfix @ || ~~ !~~ ~~* !~~* ~~~ ^@ ->> && @> <@ <-> <=>'),
  'numbers, aggregated':
    words(`sum avg count count_star count_if countif min max median mode product quantile quantile_cont quantile_disc
    approx_quantile approx_count_distinct stddev stddev_pop stddev_samp variance var_pop var_samp sem skewness kurtosis kurtosis_pop mad entropy corr
    covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy fsum kahan_sum favg bool_and bool_or
    bit_and bit_or bit_xor geomean geometric_mean wavg weighted_avg`),
  'values, aggregated':
    words(`first last any_value arbitrary list array_agg string_agg group_concat listagg histogram arg_max arg_min max_by min_by
    arg_max_null arg_min_null approx_top_k`),
  windows: words(
    'row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value fill',
  ),
  numbers:
    words(`abs ceil ceiling floor round round_even roundbankers trunc sign signbit sqrt cbrt exp ln log log2 log10 pow power mod fmod fdiv divide
    add subtract multiply even factorial gamma lgamma gcd lcm greatest_common_divisor least_common_multiple pi degrees radians sin cos tan cot asin acos
    atan atan2 sinh cosh tanh asinh acosh atanh isnan isinf isfinite nextafter bit_count xor greatest least equi_width_bins bin hex to_base to_binary
    to_hex format_bytes`),
  texts:
    words(`upper lower ucase lcase length len char_length character_length strlen length_grapheme bit_length octet_length substring substr
    substring_grapheme left right left_grapheme right_grapheme trim ltrim rtrim lpad rpad concat concat_ws contains starts_with ends_with prefix suffix
    position strpos instr replace translate reverse repeat split split_part string_split str_split string_to_array array_to_string ascii ord unicode chr
    strip_accents nfc_normalize like_escape ilike_escape not_like_escape not_ilike_escape regexp_matches regexp_full_match regexp_extract
    regexp_extract_all regexp_replace regexp_split_to_array string_split_regex str_split_regex regexp_escape levenshtein editdist3
    damerau_levenshtein hamming mismatches jaccard jaro_similarity jaro_winkler_similarity format printf bar md5 sha1 sha256 hash base64 to_base64
    from_base64 encode decode unhex from_hex unbin from_binary url_encode url_decode`),
  'days and times':
    words(`current_date today now get_current_time get_current_timestamp current_localtime current_localtimestamp
    transaction_timestamp age ago date_add date_sub date_diff datediff datesub date_part datepart date_trunc datetrunc year quarter month week day hour
    minute second millisecond microsecond nanosecond dayofweek isodow dayofmonth dayofyear weekofyear weekday yearweek isoyear decade century millennium
    era epoch epoch_ms epoch_us epoch_ns julian dayname monthname last_day days_in_month make_date make_time make_timestamp make_timestamp_ms
    make_timestamp_ns make_timestamptz strftime strptime try_strptime time_bucket timezone timezone_hour timezone_minute to_timestamp to_microseconds
    to_milliseconds to_seconds to_minutes to_hours to_days to_weeks to_months to_quarters to_years to_decades to_centuries to_millennia
    normalized_interval`),
  lists:
    words(`list_value list_pack array_value unnest range generate_series generate_subscripts list_aggregate list_aggr array_aggregate array_aggr
    list_any_value list_append array_append array_push_back list_prepend array_prepend array_push_front array_pop_back array_pop_front list_avg
    list_approx_count_distinct list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_count list_entropy list_first list_histogram
    list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median list_min list_mode list_product list_sem list_skewness list_stddev_pop
    list_stddev_samp list_string_agg list_sum list_var_pop list_var_samp list_concat list_cat array_concat array_cat list_contains list_has
    array_contains array_has list_has_all array_has_all list_has_any array_has_any list_distinct array_distinct list_unique array_unique list_element
    list_extract array_extract element_at list_filter array_filter filter list_transform array_transform list_apply array_apply apply list_reduce
    array_reduce reduce list_indexof array_indexof list_position array_position list_intersect array_intersect list_resize array_resize list_reverse
    array_reverse list_reverse_sort array_reverse_sort list_sort array_sort list_grade_up array_grade_up grade_up list_select array_select list_where
    array_where list_slice array_slice list_zip array_zip array_length flatten list_distance list_inner_product list_dot_product list_cosine_similarity
    list_cosine_distance array_distance array_inner_product array_dot_product array_cosine_similarity array_cosine_distance`),
  'structs and maps':
    words(`struct_pack row struct_extract struct_extract_at struct_insert struct_update struct_concat struct_keys struct_values
    struct_contains struct_has struct_position struct_indexof map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract
    map_extract_value map_from_entries map_keys map_values cardinality`),
  json: words(`json json_array json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text json_extract_string
    json_group_array json_group_object json_keys json_merge_patch json_object json_pretty json_quote json_type json_valid json_value to_json
    array_to_json row_to_json`),
  others: words('nullif error typeof uuid_extract_timestamp uuid_extract_version'),
} as const satisfies Record<string, readonly string[]>;

/** Of them, what gives something else tomorrow. */
export const clockFunctions: ReadonlySet<string> = new Set(
  words(
    `current_date today now get_current_time get_current_timestamp current_localtime current_localtimestamp transaction_timestamp age ago`,
  ),
);

/** What an analyst's SQL may call in FROM. */
export const analystTableFunctions = ['range', 'generate_series', 'unnest'] as const;

/** Of the rows or elements that one call of `range` or `generate_series` makes. */
export const longestRange = 1_000_000;
/** Characters of an analyst's SQL. */
export const longestSql = 20_000;
/** Brackets within brackets, and parts of the parsed form within parts. */
export const deepestBrackets = 100;
export const deepestTree = 250;

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
