import CKernels

/// A matrix that never changes: a base model's weight, shared by all peers of a process, kept once and row-major in the
/// form that `storage` says. `WeightProducts` multiplies by it in both directions.
// @unchecked: the buffers are filled before the initialiser returns, are private, and nothing writes to them or hands out
// a writable view of them afterwards, so that reading from several threads is safe.
package final class FrozenMatrix: @unchecked Sendable {
    /// The number of rows: of a weight, the size of the output.
    package let rows: Int
    /// The number of columns: of a weight, the size of the input.
    package let columns: Int
    /// How the values are kept; those of the first rows, where parts are kept differently.
    package var storage: WeightStorage { segments.first?.storage ?? .float32 }
    private let buffer: FloatBuffer
    private let scales: FloatBuffer
    private let segments: [Segment]

    /// Rows that are kept alike, and where their values and scales begin in the buffers, in bytes.
    private struct Segment {
        let rows: Range<Int>
        let storage: WeightStorage
        let start: Int
        let scaleStart: Int
    }

    /// A part of a matrix: whole rows.
    package enum Part: Sendable {
        /// Values, row-major.
        case values([Float])
        /// Blocks of a file.
        case blocks(WeightBlocks)
    }

    /// A matrix of zeros with so many rows in each storage, to be filled before anybody sees it.
    private init(columns: Int, layout: [(rows: Int, storage: WeightStorage)]) {
        precondition(columns > 0, "a matrix has a shape")
        self.columns = columns
        var (row, start, scaleStart) = (0, 0, 0)
        var segments: [Segment] = []
        for (rows, storage) in layout {
            precondition(rows >= 0 && columns.isMultiple(of: storage.blockLength), "rows consist of whole blocks")
            if let last = segments.last, last.storage == storage {
                segments[segments.count - 1] = Segment(
                    rows: last.rows.lowerBound..<row + rows, storage: storage, start: last.start,
                    scaleStart: last.scaleStart)
            } else {
                // Panels of the products are 32 rows wide and are made of one segment each.
                precondition(row.isMultiple(of: Self.segmentRows), "a segment begins at a panel")
                segments.append(
                    Segment(rows: row..<row + rows, storage: storage, start: start, scaleStart: scaleStart))
            }
            row += rows
            // Each begins at a word, as the buffers count floats.
            start += (storage.bytes(of: rows * columns) + 3) / 4 * 4
            scaleStart += (storage.scaleBytes(rows: rows, columns: columns) + 3) / 4 * 4
        }
        self.rows = row
        self.segments = segments
        buffer = FloatBuffer(count: start / 4)
        scales = FloatBuffer(count: scaleStart / 4)
    }

    /// Segments begin at multiples of this.
    package static var segmentRows: Int { Int(MURMUR_TILE_COLUMNS) }

    /// The rows of `parts` one below the other; each part is row-major with `columns` columns.
    package convenience init(columns: Int, parts: [[Float]], storage: WeightStorage = .float32) {
        self.init(columns: columns, layout: [(parts.reduce(0) { $0 + $1.count } / columns, storage)])
        var row = 0
        for part in parts { row = store(.values(part), at: row) }
        precondition(row == rows, "the parts are the matrix")
    }

    /// The same of parts that are made one after another, so that only one is in memory beside the matrix; `layout` says
    /// how many rows each has and how they are kept. Throws what making a part throws.
    package convenience init(
        columns: Int, layout: [(rows: Int, storage: WeightStorage)], makingParts parts: [() throws -> Part]
    ) throws {
        self.init(columns: columns, layout: layout)
        var row = 0
        for part in parts { row = store(try part(), at: row) }
        precondition(row == rows, "the parts are the matrix")
    }

    /// Stores whole rows from `row` on and gives the row after them.
    private func store(_ part: Part, at row: Int) -> Int {
        guard let segment = segments.first(where: { $0.rows.contains(row) }) else {
            preconditionFailure("the matrix has room for the part")
        }
        let first = row - segment.rows.lowerBound
        let values = UnsafeMutableRawPointer(buffer.base) + segment.start
        let scales = UnsafeMutableRawPointer(scales.base) + segment.scaleStart
        let count: Int
        switch part {
        case .values(let floats):
            count = floats.count / columns
            precondition(floats.count == count * columns && row + count <= segment.rows.upperBound, "whole rows")
            murmur_store(segment.storage.kind, floats, columns, first, count, values, scales)
        case .blocks(let blocks):
            count = blocks.count / columns
            precondition(blocks.count == count * columns && row + count <= segment.rows.upperBound, "whole rows")
            precondition(blocks.format.storage == segment.storage, "blocks are kept as the layout says")
            let start = segment.storage.bytes(of: first * columns)
            let scaleStart = segment.storage.scaleBytes(rows: first, columns: columns)
            let isFinite = murmur_store_blocks(
                blocks.format.rawValue, blocks.bytes, blocks.count / blocks.format.blockLength,
                (values + start).assumingMemoryBound(to: UInt8.self),
                (scales + scaleStart).assumingMemoryBound(to: UInt16.self))
            precondition(isFinite == 1, "scales were found to be finite")
        }
        return row + count
    }

    /// A row of values, for example the weights of a norm.
    package convenience init(row: [Float]) {
        self.init(columns: row.count, parts: [row])
    }

    /// The address of the first value of a matrix of 32-bit floats, for kernels of this module.
    var pointer: UnsafePointer<Float> {
        precondition(storage == .float32, "norms and biases are 32-bit floats")
        return UnsafePointer(buffer.base)
    }

    private func values(_ segment: Segment) -> UnsafeRawPointer {
        UnsafeRawPointer(buffer.base) + segment.start
    }

    private func scales(_ segment: Segment) -> UnsafeRawPointer {
        UnsafeRawPointer(scales.base) + segment.scaleStart
    }

    /// The bytes that values and scales take.
    package var byteCount: Int { 4 * (buffer.count + scales.count) }

    /// The values, row-major.
    package var values: [Float] {
        let matrix = Matrix(rows: rows, columns: columns)
        copyRows((0..<rows).map(Int32.init), into: matrix)
        return matrix.values
    }

    /// Row i of `output` becomes row `indices[i]`. Every index must be a row.
    package func copyRows(_ indices: [Int32], into output: Matrix) {
        precondition(indices.count == output.rows && output.columns == columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            guard let segment = segments.first(where: { $0.rows.contains(Int(index)) }) else {
                preconditionFailure("an index is a row of the matrix")
            }
            murmur_recall(
                segment.storage.kind, values(segment), columns, scales(segment), Int(index) - segment.rows.lowerBound,
                output.pointer + row * output.stride)
        }
    }
}

// MARK: - For the products

extension FrozenMatrix {
    /// Where some rows and columns lie, of rows that are kept alike.
    func block(_ rows: Range<Int>, _ columns: Range<Int>) -> murmur_block {
        guard let segment = segments.first(where: { $0.rows.contains(rows.lowerBound) }) else { return murmur_block() }
        let storage = segment.storage
        let first = (rows.lowerBound - segment.rows.lowerBound) * self.columns + columns.lowerBound
        return murmur_block(
            start: values(segment) + storage.bytes(of: first),
            rows: min(rows.upperBound, segment.rows.upperBound) - rows.lowerBound,
            bytes: storage.bytes(of: columns.count), stride: storage.bytes(of: self.columns))
    }

    /// Makes the panel of the outputs `outputs` and the inner values `inner`: of rows and columns of this matrix forward,
    /// of columns and rows backward. `isPaired` for bfloat16 in pairs.
    func pack(
        _ outputs: Range<Int>, inner: Range<Int>, isForward: Bool, isPaired: Bool,
        into panel: UnsafeMutablePointer<Float>
    ) {
        let rows = isForward ? outputs : inner
        for segment in segments where segment.rows.overlaps(rows) {
            let own = segment.rows.clamped(to: rows)
            let start = own.lowerBound - segment.rows.lowerBound
            // The words of a panel before this segment's inner values: there are none where the rows are the outputs.
            let before = own.lowerBound - rows.lowerBound
            precondition(!isForward || before == 0 && own == rows, "a panel is made of one segment")
            let words = Self.segmentRows * (isPaired ? before / 2 : before)
            murmur_pack_panel(
                segment.storage.kind, isPaired ? 1 : 0, isForward ? 1 : 0, values(segment), columns, scales(segment),
                isForward ? start : outputs.lowerBound, outputs.count, isForward ? inner.lowerBound : start,
                isForward ? inner.upperBound : start + own.count, panel + words)
        }
    }

    /// output[i][j] = row i of x · row j, or that is added, for the rows j in `range`.
    func multiply(_ x: Matrix, into output: Matrix, rows range: Range<Int>, isAdding: Bool) {
        for segment in segments where segment.rows.overlaps(range) {
            let own = segment.rows.clamped(to: range)
            let first = segment.rows.lowerBound
            let (start, end) = (own.lowerBound - first, own.upperBound - first)
            if x.rows == 1 {
                murmur_vector_product(
                    segment.storage.kind, values(segment), columns, scales(segment), x.pointer, output.pointer + first,
                    start, end, columns, isAdding ? 1 : 0)
            } else {
                murmur_rows_product(
                    segment.storage.kind, values(segment), columns, scales(segment), x.pointer, x.stride,
                    output.pointer + first, output.stride, x.rows, start, end, columns, isAdding ? 1 : 0)
            }
        }
    }
}
