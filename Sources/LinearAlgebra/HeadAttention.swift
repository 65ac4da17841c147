internal import CKernels

/// Causal softmax attention of single heads for one part of a team: keys and values of a head are loaded, then pieces of
/// its query rows computed. Only the logarithms of the softmax sums are kept; the backward pass computes the
/// probabilities again (FlashAttention, Dao et al., 2022).
package final class HeadAttention {
    /// Query rows are best cut at multiples of this.
    package static var blockRows: Int { Int(MURMUR_QUERY_BLOCK) }

    private let headSize: Int
    private let longest: Int
    private let isTraining: Bool
    private let isPaired: Int32
    private let packed: FloatBuffer
    private let scratch: FloatBuffer
    private var keyCount = 0

    /// Room for sequences of `longest` tokens, whose products are computed in `precision`; `trains` also for the backward
    /// pass.
    package init(longest: Int, headSize: Int, trains: Bool, precision: ProductPrecision = .float32) {
        precondition(headSize.isMultiple(of: 2), "a rotary head has an even width")
        self.longest = longest
        self.headSize = headSize
        isTraining = trains
        isPaired = precision == .bfloat16 ? 1 : 0
        let padded = (longest + 31) / 32 * 32
        let width = (headSize + 31) / 32 * 32
        packed = FloatBuffer(count: (trains ? 4 : 2) * padded * width + 32)
        scratch = FloatBuffer(
            count: trains
                ? Self.blockRows * (3 * (padded + 16) + 2 * width)
                : WeightProducts.tileRows * (width + 2 * padded + 16))
    }

    private static func scale(_ size: Int) -> Float { 1 / Float(size).squareRoot() }

    /// Takes the keys and values [m, head] of one head.
    package func load(keys: Matrix, values: Matrix, backward: Bool = false) {
        precondition(keys.rows == values.rows && keys.rows <= longest, "the sequence fits")
        precondition(keys.stride == values.stride && keys.columns == headSize, "keys and values lie alike")
        precondition(!backward || isTraining, "there is room for the backward pass")
        keyCount = keys.rows
        murmur_attention_pack(
            isPaired, keys.pointer, values.pointer, keys.stride, keys.rows, headSize, packed.base, backward ? 1 : 0)
    }

    /// Writes the `rows` of `output` [n, head] and of `logSums` [n, 1]; the queries [n, head] are the last n positions of
    /// the keys, and each sees the last `window` positions up to its own.
    package func forward(queries: Matrix, output: Matrix, logSums: Matrix, rows: Range<Int>, window: Int) {
        precondition(queries.rows <= keyCount && rows.upperBound <= queries.rows && window > 0, "a query has a key")
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

    /// What one head's backward pass reads and writes, all [n, head] but `logSums` [n, 1].
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

    /// Writes the `rows` of the query gradient and adds those rows' part of the gradients of keys and values. A full
    /// sequence, loaded with `backward`.
    package func backward(_ head: Gradients, rows: Range<Int>, window: Int) {
        precondition(isTraining && head.queries.rows == keyCount && rows.upperBound <= keyCount, "a full sequence")
        precondition(head.keyGradient.rows == keyCount, "gradients of all keys")
        murmur_attention_backward(
            isPaired, head.queries.pointer, head.queries.stride, head.output.pointer, head.outputGradient.pointer,
            head.output.stride, head.logSums.pointer, head.logSums.stride, head.queryGradient.pointer,
            head.queryGradient.stride, head.keyGradient.pointer, head.valueGradient.pointer, head.keyGradient.stride,
            keyCount, rows.lowerBound, rows.upperBound, headSize, min(window, 1 << 40), Self.scale(headSize),
            packed.base, scratch.base)
    }
}
