internal import Basics

/// A metadata value of a GGUF file. Integers of all widths are one kind for each sign; arrays are kept compactly, as
/// vocabularies are arrays of a hundred thousand and more.
package enum GGUFValue: Sendable, Hashable {
    case unsigned(UInt64)
    case signed(Int64)
    case real(Double)
    case flag(Bool)
    case text(String)
    case integers([Int64])
    case reals([Double])
    case flags([Bool])
    case texts([String])

    /// The integer, whatever its sign and width in the file; nil for other kinds, and beyond an `Int`.
    package var integer: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .signed(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, real or integer.
    package var number: Double? {
        switch self {
        case .real(let value): value
        case .unsigned(let value): Double(value)
        case .signed(let value): Double(value)
        default: nil
        }
    }

    /// The string.
    package var text: String? {
        if case .text(let value) = self { value } else { nil }
    }

    /// The truth value.
    package var flag: Bool? {
        if case .flag(let value) = self { value } else { nil }
    }

    /// The array of strings.
    package var texts: [String]? {
        if case .texts(let value) = self { value } else { nil }
    }

    /// The array of integers.
    package var integers: [Int64]? {
        if case .integers(let value) = self { value } else { nil }
    }

    /// The array of numbers, real or integer.
    package var numbers: [Double]? {
        switch self {
        case .reals(let values): values
        case .integers(let values): values.map(Double.init)
        default: nil
        }
    }
}

/// Reads the beginning of a GGUF file front to back, from as much of the file as was read so far.
struct GGUFReader {
    /// Why reading stops.
    enum Failure: Error {
        /// The bytes end here, and the file goes on.
        case needsMore
        /// The file is refused.
        case refused(GGUFError)
    }

    /// The file's name, for errors.
    let file: String
    /// The size of the whole file.
    let fileSize: Int
    private var reader: ByteReader
    private let prefixSize: Int

    init(_ prefix: [UInt8], fileSize: Int, file: String) {
        reader = ByteReader(prefix)
        prefixSize = prefix.count
        self.fileSize = fileSize
        self.file = file
    }

    /// How many bytes have been read.
    var position: Int { reader.position }

    func malformed(_ reason: String) -> Failure { .refused(.malformed(file: file, reason: reason)) }

    /// What it means that the bytes end in the midst of `what`.
    private func ended(in what: String) -> Failure {
        if prefixSize < min(fileSize, GGUFHeader.lengthLimit) { return .needsMore }
        guard prefixSize < fileSize else { return malformed("it ends in \(what); it is cut short") }
        return malformed("its header has more than \(GGUFHeader.lengthLimit) bytes")
    }

    mutating func integer<Integer: FixedWidthInteger & UnsignedInteger>(
        _ type: Integer.Type, what: String
    ) throws(Failure) -> Integer {
        guard let value = reader.integer(type) else { throw ended(in: what) }
        return value
    }

    mutating func bytes(_ count: Int, what: String) throws(Failure) -> [UInt8] {
        guard let bytes = reader.bytes(count: count) else { throw ended(in: what) }
        return bytes
    }

    /// A string: its length (UInt64), its bytes in UTF-8.
    mutating func text(limit: Int = 1 << 24, what: String) throws(Failure) -> String {
        let length = try integer(UInt64.self, what: what)
        guard length <= UInt64(limit) else { throw malformed("\(what) is said to have \(length) bytes") }
        guard let text = String(validating: try bytes(Int(length), what: what), as: UTF8.self) else {
            throw malformed("\(what) is not UTF-8")
        }
        return text
    }

    /// The value of the metadata key `key`: its type (UInt32), then the value.
    mutating func value(of key: String) throws(Failure) -> GGUFValue {
        let what = "the value of \(key)"
        let type = try integer(UInt32.self, what: what)
        switch type {
        case 0, 2, 4, 10: return .unsigned(try unsigned(type, what: what))
        case 1, 3, 5, 11: return .signed(try signed(type, what: what))
        case 6, 12: return .real(try real(type, what: what))
        case 7: return .flag(try flag(what: what))
        case 8: return .text(try text(what: what))
        case 9: return try array(what: what)
        default: throw malformed("\(what) has the unknown type \(type)")
        }
    }

    /// An array: the type of its elements (UInt32), their number (UInt64), the elements.
    private mutating func array(what: String) throws(Failure) -> GGUFValue {
        let type = try integer(UInt32.self, what: what)
        let count = try integer(UInt64.self, what: what)
        // Every element takes a byte or more: a count beyond the header's limit cannot be true.
        guard count <= UInt64(min(fileSize, GGUFHeader.lengthLimit)) else {
            throw malformed("\(what) is said to have \(count) elements")
        }
        let elements = 0..<Int(count)
        switch type {
        case 0, 2, 4, 10:
            var values: [Int64] = []
            for _ in elements {
                guard let value = Int64(exactly: try unsigned(type, what: what)) else {
                    throw malformed("an element of \(what) is too large")
                }
                values.append(value)
            }
            return .integers(values)
        case 1, 3, 5, 11:
            var values: [Int64] = []
            for _ in elements { values.append(try signed(type, what: what)) }
            return .integers(values)
        case 6, 12:
            var values: [Double] = []
            for _ in elements { values.append(try real(type, what: what)) }
            return .reals(values)
        case 7:
            var values: [Bool] = []
            for _ in elements { values.append(try flag(what: what)) }
            return .flags(values)
        case 8:
            var values: [String] = []
            for _ in elements { values.append(try text(what: what)) }
            return .texts(values)
        default: throw malformed("\(what) is an array of type \(type), which is not read")
        }
    }

    private mutating func unsigned(_ type: UInt32, what: String) throws(Failure) -> UInt64 {
        switch type {
        case 0: UInt64(try integer(UInt8.self, what: what))
        case 2: UInt64(try integer(UInt16.self, what: what))
        case 4: UInt64(try integer(UInt32.self, what: what))
        default: try integer(UInt64.self, what: what)
        }
    }

    private mutating func signed(_ type: UInt32, what: String) throws(Failure) -> Int64 {
        switch type {
        case 1: Int64(Int8(bitPattern: try integer(UInt8.self, what: what)))
        case 3: Int64(Int16(bitPattern: try integer(UInt16.self, what: what)))
        case 5: Int64(Int32(bitPattern: try integer(UInt32.self, what: what)))
        default: Int64(bitPattern: try integer(UInt64.self, what: what))
        }
    }

    private mutating func real(_ type: UInt32, what: String) throws(Failure) -> Double {
        type == 6
            ? Double(Float(bitPattern: try integer(UInt32.self, what: what)))
            : Double(bitPattern: try integer(UInt64.self, what: what))
    }

    private mutating func flag(what: String) throws(Failure) -> Bool {
        let byte = try integer(UInt8.self, what: what)
        guard byte <= 1 else { throw malformed("\(what) is neither true nor false") }
        return byte == 1
    }
}
