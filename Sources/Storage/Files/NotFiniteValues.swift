/// What of a list of values is not finite: how many, and which is the first.
///
/// Nothing that reads or writes weights lets such a value through: a NaN in one weight makes every result one, and says
/// nothing about where it came from.
package struct NotFiniteValues: Sendable, Equatable {
    /// How many of the values are not finite.
    package let count: Int
    /// The place of the first of them, counted from zero.
    package let first: Int
    /// The first of them: NaN or an infinity.
    package let value: Float
    /// How many values were looked at.
    package let total: Int

    /// Those among `values`; nil where all are finite. One pass, at the speed of memory.
    package static func find(in values: ArraySlice<Float>) -> NotFiniteValues? {
        guard !allFinite(values.span), let first = values.firstIndex(where: { !$0.isFinite }) else { return nil }
        return NotFiniteValues(
            count: values[first...].count { !$0.isFinite }, first: first - values.startIndex, value: values[first],
            total: values.count)
    }

    /// Whether no value has an exponent of ones alone, which NaNs and infinities have.
    private static func allFinite(_ values: borrowing Span<Float>) -> Bool {
        // No branch in the loop, so that it becomes one of vector instructions: one added to an exponent of ones reaches the
        // sign's place, and no other exponent does.
        var reached: UInt32 = 0
        for index in values.indices { reached |= (values[index].bitPattern & 0x7f80_0000) &+ 0x0080_0000 }
        return reached & 0x8000_0000 == 0
    }

    /// What is wrong with a tensor of this shape that holds them: `3 of its 64 values are not finite, the first (nan) at
    /// [0, 3]`.
    package func description(shape: [Int]) -> String {
        let number = count == 1 ? "1 of its \(total) values is" : "\(count) of its \(total) values are"
        return "\(number) not finite, the first (\(value)) at \(Self.place(first, in: shape))"
    }

    /// The place of value `index`, counted row-major, in a tensor of this shape: an index for each dimension.
    package static func place(_ index: Int, in shape: [Int]) -> String {
        var rest = index
        var place: [Int] = []
        for extent in shape.reversed() {
            place.insert(rest % max(1, extent), at: 0)
            rest /= max(1, extent)
        }
        return "\(place)"
    }
}
