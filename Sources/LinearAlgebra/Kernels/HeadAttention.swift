import CKernels

/// Causal softmax attention of single heads for one part of a team: keys and values of a head are loaded, then pieces of
/// its query rows computed. Only the logarithms of the softmax sums are kept; the backward pass computes the
/// probabilities again (FlashAttention, Dao et al., 2022).
package final class HeadAttention {
    /// Query rows are best cut at multiples of this.
    package static var blockRows: Int { Int(MURMUR_QUERY_BLOCK) }

    private let headSize: Int
    private let longest: Int
    private let isTraining: Bool
    // bfloat16 values lie in pairs in a word, as the processor's dot products take them.
    private let isPaired: Int32
    private let packed: FloatBuffer
    private let scratch: FloatBuffer
    // Keys and values of a sequence that lies in two places, one after the other; then their gradients.
    private let joined: Matrix
    private var keyCount = 0

    /// Room for sequences of `longest` tokens, whose products are computed in `precision`; `trains` also for the backward
    /// pass.
    package init(longest: Int, headSize: Int, trains: Bool, precision: ProductPrecision = .float32) {
        precondition(headSize.isMultiple(of: 2), "a rotary head has an even width")
        self.longest = longest
        self.headSize = headSize
        isTraining = trains
        isPaired = precision == .bfloat16 ? 1 : 0
        // The kernels take positions and head columns 32 at a time, two registers of sixteen floats.
        let padded = (longest + 31) / 32 * 32
        let width = (headSize + 31) / 32 * 32
        // Keys and values; for the backward pass the transpose of each as well, which other products read along their rows.
        packed = FloatBuffer(count: (trains ? 4 : 2) * padded * width + 32)
        // Scores and probabilities of a block of query rows, whole rows of keys wide, and the block's own rows.
        scratch = FloatBuffer(
            count: trains
                ? Self.blockRows * (3 * (padded + 16) + 2 * width)
                : WeightProducts.tileRows * (width + 2 * padded + 16))
        joined = Matrix(rows: longest, columns: 2 * headSize)
    }

    // Scores are divided by the root of the head's width, so that their deviation does not grow with it.
    private static func scale(_ size: Int) -> Float { 1 / Float(size).squareRoot() }

    /// Takes the keys and values [m, head] of one head.
    package func load(keys: Matrix, values: Matrix, backward: Bool = false) {
        precondition(keys.rows == values.rows && keys.rows <= longest, "the sequence fits")
        precondition(keys.stride == values.stride && keys.columns == headSize, "keys and values lie alike")
        precondition(!backward || isTraining, "there is room for the backward pass")
        // The passes know the keys by what was packed last; the matrices may be overwritten from here on.
        keyCount = keys.rows
        murmur_attention_pack(
            isPaired, keys.pointer, values.pointer, keys.stride, keys.rows, headSize, packed.base, backward ? 1 : 0)
    }

    /// The same of a sequence whose first positions lie elsewhere: those of `prefix`, then those of `keys` and `values`.
    package func load(
        prefix: (keys: Matrix, values: Matrix), keys: Matrix, values: Matrix, backward: Bool = false
    ) {
        precondition(prefix.keys.rows + keys.rows <= longest, "the sequence fits")
        let (allKeys, allValues) = joinedMatrices(prefix.keys.rows + keys.rows)
        let (first, rest) = (0..<prefix.keys.rows, prefix.keys.rows..<allKeys.rows)
        allKeys.rows(first).assign(prefix.keys)
        allKeys.rows(rest).assign(keys)
        allValues.rows(first).assign(prefix.values)
        allValues.rows(rest).assign(values)
        load(keys: allKeys, values: allValues, backward: backward)
    }

    private func joinedMatrices(_ rows: Int) -> (Matrix, Matrix) {
        let both = joined.rows(0..<rows)
        return (both.columns(0..<headSize), both.columns(headSize..<2 * headSize))
    }

    /// Writes the `rows` of `output` [n, head] and of `logSums` [n, 1]; the queries [n, head] are the last n positions of
    /// the keys, and each sees the last `window` positions up to its own.
    package func forward(queries: Matrix, output: Matrix, logSums: Matrix, rows: Range<Int>, window: Int) {
        precondition(queries.rows <= keyCount && rows.upperBound <= queries.rows && window > 0, "a query has a key")
        // A window of all keys is the largest integer: held below 2^40, so that the kernel's sums of it cannot overflow.
        murmur_attention_forward(
            isPaired, queries.pointer, queries.stride, output.pointer, output.stride, logSums.pointer, logSums.stride,
            queries.rows, keyCount, rows.lowerBound, rows.upperBound, headSize, min(window, 1 << 40),
            Self.scale(headSize), packed.base, scratch.base)
    }

    /// The same for the one query [1, head] of the last position, from keys and values [m, head] that need not be loaded.
    package func forwardRow(
        query: Matrix, keys: Matrix, values: Matrix, output: Matrix, logSums: Matrix, window: Int
    ) {
        precondition(query.rows == 1 && output.rows == 1 && logSums.rows == 1, "one query")
        precondition(query.columns == headSize && keys.columns == headSize, "the head's width")
        precondition(keys.rows == values.rows && keys.stride == values.stride, "keys and values lie alike")
        precondition(keys.rows > 0 && keys.rows <= longest && window > 0, "a query has a key, and the sequence fits")
        murmur_attention_row(
            query.pointer, keys.pointer, values.pointer, keys.stride, keys.rows, headSize, min(window, 1 << 40),
            Self.scale(headSize), output.pointer, logSums.pointer, scratch.base)
    }

    /// What one head's backward pass reads and writes, all [n, head] but `logSums` [n, 1]; the gradients of keys and values
    /// have a row for every key.
    package struct Gradients {
        let queries: Matrix
        let output: Matrix
        let outputGradient: Matrix
        let logSums: Matrix
        let queryGradient: Matrix
        let keyGradient: Matrix
        let valueGradient: Matrix

        package init(
            queries: Matrix, output: Matrix, outputGradient: Matrix, logSums: Matrix, queryGradient: Matrix,
            keyGradient: Matrix, valueGradient: Matrix
        ) {
            precondition(output.stride == outputGradient.stride && keyGradient.stride == valueGradient.stride)
            self.queries = queries
            self.output = output
            self.outputGradient = outputGradient
            self.logSums = logSums
            self.queryGradient = queryGradient
            self.keyGradient = keyGradient
            self.valueGradient = valueGradient
        }
    }

    /// Writes the `rows` of the query gradient and adds those rows' part of the gradients of keys and values. The sequence
    /// was loaded with `backward`; the queries are its last positions.
    package func backward(_ head: Gradients, rows: Range<Int>, window: Int) {
        precondition(isTraining && rows.upperBound <= head.queries.rows && head.queries.rows <= keyCount, "rows of it")
        precondition(head.keyGradient.rows == keyCount, "gradients of all keys")
        murmur_attention_backward(
            isPaired, head.queries.pointer, head.queries.stride, head.output.pointer, head.outputGradient.pointer,
            head.output.stride, head.logSums.pointer, head.logSums.stride, head.queryGradient.pointer,
            head.queryGradient.stride, head.keyGradient.pointer, head.valueGradient.pointer, head.keyGradient.stride,
            head.queries.rows, keyCount, rows.lowerBound, rows.upperBound, headSize, min(window, 1 << 40),
            Self.scale(headSize), packed.base, scratch.base)
    }

    /// The same of a sequence loaded from two places. `prefix` are the gradients of the keys and values of its first
    /// positions, those of `head` the gradients of the others.
    package func backward(
        _ head: Gradients, prefix: (keyGradient: Matrix, valueGradient: Matrix), rows: Range<Int>, window: Int
    ) {
        precondition(prefix.keyGradient.rows + head.keyGradient.rows == keyCount, "gradients of all keys")
        // What was loaded has been packed, so that its place is free.
        let (keys, values) = joinedMatrices(keyCount)
        keys.fill(0)
        values.fill(0)
        backward(
            Gradients(
                queries: head.queries, output: head.output, outputGradient: head.outputGradient,
                logSums: head.logSums, queryGradient: head.queryGradient, keyGradient: keys, valueGradient: values),
            rows: rows, window: window)
        let (first, rest) = (0..<prefix.keyGradient.rows, prefix.keyGradient.rows..<keyCount)
        prefix.keyGradient.add(keys.rows(first))
        head.keyGradient.add(keys.rows(rest))
        prefix.valueGradient.add(values.rows(first))
        head.valueGradient.add(values.rows(rest))
    }
}
