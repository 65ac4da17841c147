package import Adapters
import Basics
import Foundation

/// A contribution as the difference to an earlier one of the same peer that the receiver has: whole multiples of one step,
/// written by an adaptive range coder. What has not moved costs next to nothing.
///
/// The layout: the mark of the earlier copy (8 bytes), the mark of the new one (8), the step in single precision (4), then
/// the range coder's bytes; with a step of zero the copy is the earlier one, and nothing follows.
package enum DifferenceCoding {
    /// The number that manifests give it.
    package static let number: UInt16 = 5
    static let headByteCount = 20
    /// Integers are smaller than this.
    private static let limit: Float = 0x1p20

    /// How many bytes a difference takes: never more than single precision and the head.
    package static func byteCounts(for schema: AdapterSchema) -> ClosedRange<Int> {
        headByteCount...headByteCount + 4 * schema.count
    }

    /// How many bytes a difference takes in most rounds that holds a share of the values: values of a bell curve in steps of
    /// half its width have an entropy of log₂(2 √(2πe)) = 3.05 bits, and the coder's models cost a little more. Of a part, the
    /// places cost their entropy; a value takes its sign and, as the largest are the more alike the fewer they are,
    /// about as much again.
    package static func usualByteCount(for schema: AdapterSchema, share: Double = 1) -> Int {
        let places = share < 1 ? -share * log2(share) - (1 - share) * log2(1 - share) : 0
        let bits = share < 1 ? max(0.0225, places) + 1.8 * share * (1 + share) : 3.1
        return headByteCount + Int((bits * Double(schema.count) / 8).rounded(.up))
    }

    /// A digest of values by which two sides see that they have the same: FNV-1a over the words of their bits. Contributions
    /// are signed; this is against mistakes, not against liars.
    package static func mark(of delta: AdapterDelta) -> UInt64 { WordHash.of(delta.values) }

    // MARK: - Writing

    /// `delta` as what receivers have, `copy`, and a difference in multiples of `step`.
    ///
    /// - Returns: the payload and what receivers read in it; nil where single precision would be shorter, or a value is too
    ///   far away for the step.
    package static func encoded(
        _ delta: AdapterDelta, after copy: AdapterDelta, mark: UInt64, step: Float
    ) -> (payload: [UInt8], read: AdapterDelta, mark: UInt64)? {
        guard step.isFinite, step >= 0 else { return nil }
        var read = copy.values
        var body: [UInt8] = []
        if step > 0 {
            let values = delta.values
            var coder = RangeEncoder()
            var models = IntegerModels()
            for place in values.indices {
                let ratio = ((values[place] - read[place]) / step).rounded()
                guard abs(ratio) < limit else { return nil }
                models.encode(Int32(ratio), &coder)
                // The reader's own two operations: both sides have to end in the same bits.
                read[place] += ratio * step
            }
            body = coder.finished()
        }
        guard body.count <= 4 * delta.schema.count else { return nil }
        let new = AdapterDelta(schema: copy.schema, values: read)
        let newMark = step > 0 ? Self.mark(of: new) : mark
        var payload: [UInt8] = []
        payload.reserveCapacity(headByteCount + body.count)
        payload.append(integer: mark)
        payload.append(integer: newMark)
        payload.append(integer: step.bitPattern)
        return (payload + body, new, newMark)
    }

    // MARK: - Reading

    /// The mark of the copy that a payload needs; nil where it has not even a head.
    static func baseMark(of payload: ArraySlice<UInt8>) -> UInt64? {
        var reader = ByteReader(Array(payload.prefix(8)))
        return reader.integer(UInt64.self)
    }

    /// What a payload says to one who has `copy`, whose mark is that of the payload.
    ///
    /// - Throws: `PayloadError` where the bytes are malformed or do not lead to the mark that they name.
    package static func decoded(
        _ payload: ArraySlice<UInt8>, after copy: AdapterDelta
    ) throws(PayloadError) -> (delta: AdapterDelta, mark: UInt64) {
        let expected = byteCounts(for: copy.schema)
        guard expected.contains(payload.count) else { throw .length(bytes: payload.count, expected: expected) }
        var reader = ByteReader(Array(payload.prefix(headByteCount)))
        guard let base = reader.integer(UInt64.self), let mark = reader.integer(UInt64.self),
            let step = reader.integer(UInt32.self).map({ Float(bitPattern: $0) })
        else { throw .malformed("the head is cut short") }
        let body = payload.dropFirst(headByteCount)
        guard step.isFinite, step >= 0 else { throw .malformed("the step is \(step)") }
        if step == 0 {
            guard body.isEmpty, mark == base else { throw .malformed("it says that nothing moved, and more") }
            return (copy, mark)
        }
        var coder = RangeDecoder(body)
        var models = IntegerModels()
        var read = copy.values
        for place in read.indices {
            guard let integer = models.decode(&coder) else { throw .malformed("an integer is too large") }
            read[place] += Float(integer) * step
        }
        guard coder.isComplete else { throw .malformed("the coded integers end too soon or too late") }
        let delta = AdapterDelta(schema: copy.schema, values: read)
        guard Self.mark(of: delta) == mark else { throw .malformed("it does not lead to the values that it names") }
        return (delta, mark)
    }
}

/// How likely integers are: learned from those before, apart for each size of the two neighbours before.
///
/// An integer is written as "not zero", its sign, then "larger" up to fourteen times, then, for fifteen and more, the
/// number of further bits in unary and the bits.
private struct IntegerModels {
    private static let contexts = 8
    private static let steps = 14
    /// The further bits of the largest integers.
    private static let bits = 20

    private var zero = [AdaptiveBit](repeating: AdaptiveBit(), count: contexts)
    private var larger = [AdaptiveBit](repeating: AdaptiveBit(), count: contexts * steps)
    private var longer = [AdaptiveBit](repeating: AdaptiveBit(), count: bits + 1)
    /// The sizes of the two integers before.
    private var before: (Int32, Int32) = (0, 0)

    private var context: Int {
        let sum = before.0 + before.1
        return sum < 3 ? Int(sum) : sum < 5 ? 3 : sum < 8 ? 4 : sum < 13 ? 5 : sum < 24 ? 6 : 7
    }

    private mutating func note(_ size: Int32) { before = (min(size, 64), before.0) }

    mutating func encode(_ integer: Int32, _ coder: inout RangeEncoder) {
        let context = context
        coder.encode(integer != 0, &zero[context])
        let size = abs(integer)
        note(size)
        guard size > 0 else { return }
        coder.encode(even: integer < 0)
        for step in 0..<Self.steps {
            let isLarger = size - 1 > Int32(step)
            coder.encode(isLarger, &larger[context * Self.steps + step])
            if !isLarger { return }
        }
        // Fifteen and more, from one: its length, then what follows its first bit.
        let rest = UInt32(size) - UInt32(Self.steps)
        let length = UInt32.bitWidth - 1 - rest.leadingZeroBitCount
        for bit in 0..<length { coder.encode(true, &longer[bit]) }
        coder.encode(false, &longer[length])
        for bit in (0..<length).reversed() { coder.encode(even: rest >> UInt32(bit) & 1 == 1) }
    }

    /// The next integer; nil for one that is too large.
    mutating func decode(_ coder: inout RangeDecoder) -> Int32? {
        let context = context
        guard coder.decode(&zero[context]) else {
            note(0)
            return 0
        }
        let isNegative = coder.decodeEven()
        var size: Int32 = 1
        while size <= Int32(Self.steps), coder.decode(&larger[context * Self.steps + Int(size) - 1]) { size += 1 }
        if size > Int32(Self.steps) {
            var length = 0
            while length < Self.bits, coder.decode(&longer[length]) { length += 1 }
            guard length < Self.bits else { return nil }
            var rest: UInt32 = 1
            for _ in 0..<length { rest = rest << 1 | (coder.decodeEven() ? 1 : 0) }
            size = Int32(rest) + Int32(Self.steps)
        }
        note(size)
        return isNegative ? -size : size
    }
}
