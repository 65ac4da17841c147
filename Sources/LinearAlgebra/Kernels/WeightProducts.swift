import CKernels

/// Multiplies rows by frozen weights on a team: the rows are packed once, then every part makes panels of its share of
/// the weight and multiplies all rows by them. A panel serves all rows, so that packing costs a few per cent and weights
/// stay in one form in memory for both directions.
package final class WeightProducts {
    /// Rows of a tile: work on rows is cut at their multiples.
    package static var tileRows: Int { Int(MURMUR_TILE_ROWS) }
    private static var panelColumns: Int { Int(MURMUR_TILE_COLUMNS) }

    /// Which of a weight's sizes the rows have.
    package enum Direction {
        /// C = X Wᵀ: from a map's input to its output.
        case forward
        /// C = X W: from the gradient of the output to that of the input.
        case backward
    }

    /// What the products are computed in.
    package let precision: ProductPrecision
    private let team: ComputeTeam
    private let rows: Int
    private let inner: Int
    private let left: FloatBuffer
    private let panels: [FloatBuffer]

    // As many inner values at a time as keep the packed rows in a processor's own cache.
    private var blockSize: Int { precision == .bfloat16 ? 2048 : 1024 }
    private var isPaired: Bool { precision == .bfloat16 }

    /// Room for `rows` rows of up to `inner` values.
    package init(team: ComputeTeam, precision: ProductPrecision, rows: Int, inner: Int) {
        self.team = team
        self.precision = precision
        self.rows = (rows + Self.tileRows - 1) / Self.tileRows * Self.tileRows
        self.inner = inner
        // Two bfloat16 values share a word; the last of an odd number has one to itself.
        left = FloatBuffer(count: self.rows * (precision == .bfloat16 ? (inner + 65) / 2 : inner))
        let block = precision == .bfloat16 ? 2048 : 1024
        panels = (0..<team.count).map { _ in
            FloatBuffer(count: Self.panelColumns * min(block, (inner + 31) / 32 * 32))
        }
    }

    /// Inner values of each block but the last: a multiple of 32, and about equal, as a short last block would pay for its
    /// panels with few products.
    private func step(_ inner: Int) -> Int {
        let blocks = (inner + blockSize - 1) / blockSize
        return min(inner, ((inner + blocks - 1) / blocks + 31) / 32 * 32)
    }

    private func words(_ inner: Int) -> Int { isPaired ? (inner + 1) / 2 : inner }

    /// Packs `range` of the rows of `x`, which begins at a tile. Parts of a team pack their rows at the same time.
    package func pack(_ x: Matrix, rows range: Range<Int>) {
        precondition(range.lowerBound.isMultiple(of: Self.tileRows) && range.upperBound <= x.rows, "whole tiles")
        precondition(x.rows <= rows && x.columns <= inner, "the rows fit")
        guard !range.isEmpty else { return }
        let padded = (x.rows + Self.tileRows - 1) / Self.tileRows * Self.tileRows
        let step = step(x.columns)
        var start = 0
        while start < x.columns {
            let end = min(start + step, x.columns)
            murmur_pack_left(
                isPaired ? 1 : 0, x.pointer + range.lowerBound * x.stride, x.stride, range.count, start, end,
                left.base + padded * words(start) + range.lowerBound * words(end - start))
            start = end
        }
    }

    /// output = base + (packed rows) · weight, or without a base; the output may be its own base. A `bias` [1, outputs]
    /// is a base of every row. With `part`, the packed rows are the inner values `part` of the weight.
    package func multiply(
        by weight: FrozenMatrix, _ direction: Direction, into output: Matrix, base: Matrix? = nil,
        bias: FrozenMatrix? = nil, part: Range<Int>? = nil
    ) {
        let isForward = direction == .forward
        let outputs = isForward ? weight.rows : weight.columns
        let inner = part ?? 0..<(isForward ? weight.columns : weight.rows)
        precondition(output.columns == outputs && output.rows <= rows, "the widths are the map's")
        precondition(inner.upperBound <= (isForward ? weight.columns : weight.rows), "the part is one of the weight")
        precondition(
            base.map { $0.columns == outputs && $0.rows == output.rows } ?? true, "the base has the output's shape")
        precondition(bias.map { $0.columns == outputs && base == nil } ?? true, "a bias is a row of outputs")
        let tiles = (output.rows + Self.tileRows - 1) / Self.tileRows
        let panelCount = (outputs + Self.panelColumns - 1) / Self.panelColumns
        guard tiles > 0 else { return }
        let output = Target(
            pointer: output.pointer, stride: output.stride, rows: output.rows, columns: outputs,
            base: base.map { UnsafePointer($0.pointer) } ?? bias?.pointer, baseStride: base?.stride ?? 0)
        team.run { number in
            // Tiles times panels are shared out, not panels: a small weight has fewer panels than there are parts.
            let units = tiles * panelCount * number / team.count..<tiles * panelCount * (number + 1) / team.count
            var start = inner.lowerBound
            let step = step(inner.count)
            while start < inner.upperBound {
                let block = start..<min(start + step, inner.upperBound)
                share(units, tiles: tiles, weight, isForward, block: block, of: inner, output, panels[number].base)
                start = block.upperBound
            }
        }
    }

    /// Where a product goes.
    private struct Target {
        let pointer: UnsafeMutablePointer<Float>
        let stride: Int
        let rows: Int
        let columns: Int
        let base: UnsafePointer<Float>?
        let baseStride: Int
    }

    /// The units, numbered by panel and then by tile, of one part, for one block of inner values.
    private func share(
        _ units: Range<Int>, tiles: Int, _ weight: FrozenMatrix, _ isForward: Bool, block: Range<Int>,
        of inner: Range<Int>, _ output: Target, _ panel: UnsafeMutablePointer<Float>
    ) {
        let words = words(block.count)
        let packed = left.base + tiles * Self.tileRows * self.words(block.lowerBound - inner.lowerBound)
        // The first block adds to the base, the others to what the blocks before them left in the output.
        let isFirst = block.lowerBound == inner.lowerBound
        var unit = units.lowerBound
        while unit < units.upperBound {
            let number = unit / tiles
            let first = unit % tiles
            let last = min(tiles, first + units.upperBound - unit)
            let column = number * Self.panelColumns
            let width = min(Self.panelColumns, output.columns - column)
            weight.pack(
                column..<column + width, inner: block, isForward: isForward, isPaired: isPaired, into: panel)
            // While these products run, the part of the weight that the next panel is made of is brought near.
            let following = column + Self.panelColumns
            var next = murmur_block()
            if unit + last - first < units.upperBound {
                next = weight.block(
                    isForward ? following..<min(following + Self.panelColumns, weight.rows) : block,
                    isForward ? block : following..<min(following + Self.panelColumns, weight.columns))
            }
            let row = first * Self.tileRows
            let destination = output.pointer + row * output.stride + column
            let base =
                isFirst
                ? output.base.map { $0 + row * output.baseStride + column }
                : UnsafePointer(destination)
            murmur_panel_product(
                isPaired ? 1 : 0, packed + row * words, panel, words,
                min(output.rows, last * Self.tileRows) - row, destination, output.stride, base,
                isFirst ? output.baseStride : output.stride, width, &next)
            unit += last - first
        }
    }

    /// output = base + x · weightᵀ, or bias + that, for a few rows: the weight is read once for all and nothing is packed.
    /// A row's values have the same bits whatever other rows there are.
    package func multiplyRows(
        _ x: Matrix, by weight: FrozenMatrix, into output: Matrix, base: Matrix? = nil,
        bias: FrozenMatrix? = nil
    ) {
        precondition(x.rows == output.rows, "a row of the output for each of x")
        precondition(x.columns == weight.columns && output.columns == weight.rows, "the widths are the map's")
        if let base { output.assign(base) }
        if let bias { bias.copyRows([Int32](repeating: 0, count: x.rows), into: output) }
        let isAdding = base != nil || bias != nil
        team.run { part in
            let own = weight.rows * part / team.count..<weight.rows * (part + 1) / team.count
            weight.multiply(x, into: output, rows: own, isAdding: isAdding)
        }
    }
}

/// What the large products are computed in. Sums, norms, softmax, the adapter's own products, gradients and the optimiser
/// are 32-bit floats in any case.
package enum ProductPrecision: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32 = "fp32"
    /// Factors rounded to bfloat16, sums in 32-bit floats.
    case bfloat16 = "bf16"

    /// The fastest on this processor: bfloat16 where it has instructions for that.
    package static var fastest: ProductPrecision { murmur_kernel_level() >= 3 ? .bfloat16 : .float32 }
}

extension ComputeTeam {
    /// The rows of `rows` that belong to `part`: whole tiles of the products, evenly dealt out.
    package func rows(_ rows: Int, part: Int) -> Range<Int> {
        let tile = WeightProducts.tileRows
        let tiles = (rows + tile - 1) / tile
        return min(rows, tiles * part / count * tile)..<min(rows, tiles * (part + 1) / count * tile)
    }
}
