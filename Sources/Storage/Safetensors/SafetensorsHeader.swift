import Basics

/// The checked table of contents of a safetensors file.
///
/// Layout of a file: the length N of the header (UInt64, little-endian), N bytes of JSON, the data. The tensors must
/// cover the data without hole, overlap or rest.
package struct SafetensorsHeader: Sendable {
    /// One tensor's entry.
    package struct Entry: Sendable, Equatable {
        /// The name's UTF-8 bytes.
        package let name: [UInt8]
        /// The type as the file names it, for example `F32`.
        package let type: String
        /// The sizes of the dimensions, outermost first; empty for a scalar.
        package let shape: [Int]
        /// Where the row-major values lie, counted in bytes from the start of the file.
        package let range: Range<Int>

        /// The number of values.
        package var count: Int { shape.reduce(1, *) }
    }

    /// The entries in the order of their data.
    package let entries: [Entry]
    /// The strings of `__metadata__`, in the order of the file.
    package let metadata: [(key: String, value: String)]
    private let index: [[UInt8]: Int]

    /// The reference implementation's limit on the header's length.
    package static let lengthLimit = 100_000_000

    /// The bytes of one value of each type that the format defines and that fills whole bytes.
    static let sizes: [String: Int] = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
        "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8,
    ]

    init(entries: [Entry], metadata: [(key: String, value: String)]) {
        self.entries = entries
        self.metadata = metadata
        var index: [[UInt8]: Int] = [:]
        for (position, entry) in entries.enumerated() { index[entry.name] = position }
        self.index = index
    }

    /// The entry called `name`.
    package func entry(named name: String) -> Entry? { entry(bytes: Array(name.utf8)) }

    /// The entry whose name has these UTF-8 bytes.
    package func entry(bytes name: [UInt8]) -> Entry? { index[name].map { entries[$0] } }
}

extension SafetensorsHeader {
    /// The length of the header that the file's first eight bytes give, checked against the file's size.
    ///
    /// - Throws: `SafetensorsError.malformed`.
    package static func length(prefix: [UInt8], fileSize: Int, file: String) throws(SafetensorsError) -> Int {
        var reader = ByteReader(prefix)
        guard let length = reader.integer(UInt64.self), reader.isAtEnd, fileSize >= 8 else {
            throw .malformed(file: file, reason: "it has \(fileSize) bytes, fewer than the 8 of a header's length")
        }
        guard length <= UInt64(lengthLimit) else {
            throw .malformed(
                file: file, reason: "its header is said to have \(length) bytes, the limit is \(lengthLimit)")
        }
        guard Int(length) <= fileSize - 8 else {
            throw .malformed(
                file: file,
                reason: "its header is said to have \(length) bytes, the file has \(fileSize); it is cut short")
        }
        return Int(length)
    }

    /// Parses and checks the header's JSON.
    ///
    /// - Parameters:
    ///   - json: the header, which may be padded with spaces.
    ///   - fileSize: the size of the whole file.
    ///   - file: the file's name, for errors.
    /// - Throws: `SafetensorsError`.
    package init(json: [UInt8], fileSize: Int, file: String) throws(SafetensorsError) {
        guard json.first == UInt8(ascii: "{") else {
            throw .malformed(file: file, reason: "its header does not begin with {")
        }
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(json, depthLimit: 8)
        } catch {
            throw .malformed(file: file, reason: "its header: \(error)")
        }
        guard let members = document.object else {
            throw .malformed(file: file, reason: "its header is not an object")
        }
        var entries: [Entry] = []
        var metadata: [(key: String, value: String)] = []
        for (key, value) in zip(members.keys, members.values) {
            if key == Array("__metadata__".utf8) {
                metadata = try Self.metadata(value, file: file)
            } else {
                entries.append(
                    try Self.entry(name: key, value, dataStart: 8 + json.count, fileSize: fileSize, file: file))
            }
        }
        // By place, not by name: readers go through a file in one direction.
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        try Self.checkCover(entries, dataStart: 8 + json.count, fileSize: fileSize, file: file)
        self.init(entries: entries, metadata: metadata)
    }

    private static func metadata(
        _ value: JSONValue, file: String
    ) throws(SafetensorsError) -> [(key: String, value: String)] {
        guard let object = value.object else {
            throw .malformed(file: file, reason: "__metadata__ is \(value.kind), not an object")
        }
        var metadata: [(key: String, value: String)] = []
        for (key, value) in zip(object.keys, object.values) {
            let name = String(decoding: key, as: UTF8.self)
            guard let text = value.text else {
                throw .malformed(file: file, reason: "__metadata__ \(name) is \(value.kind), not a string")
            }
            metadata.append((name, text))
        }
        return metadata
    }

    private static func entry(
        name: [UInt8], _ value: JSONValue, dataStart: Int, fileSize: Int, file: String
    ) throws(SafetensorsError) -> Entry {
        // A hostile name must not fill the screen.
        let shownName = String(decoding: name.prefix(200), as: UTF8.self)
        func invalid(_ reason: String) -> SafetensorsError {
            .invalidTensor(name: shownName, file: file, reason: reason)
        }
        guard let type = value["dtype"]?.text else { throw invalid("it has no dtype") }
        guard let size = sizes[type] else { throw invalid("its type \(type.prefix(40)) is unknown") }
        guard let sizesOfDimensions = value["shape"]?.array else { throw invalid("it has no shape") }
        var shape: [Int] = []
        var bytes = size
        for dimension in sizesOfDimensions {
            guard case .integer(let extent) = dimension, extent >= 0 else {
                throw invalid("its shape holds something other than whole numbers from zero")
            }
            shape.append(extent)
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw invalid("its shape is larger than any memory") }
            bytes = product
        }
        guard let offsets = value["data_offsets"]?.array, offsets.count == 2, case .integer(let begin) = offsets[0],
            case .integer(let end) = offsets[1]
        else { throw invalid("its data_offsets are not two whole numbers") }
        guard begin >= 0, begin <= end, end <= fileSize - dataStart else {
            throw invalid("its data_offsets \(begin) to \(end) leave the \(fileSize - dataStart) bytes of data")
        }
        guard end - begin == bytes else {
            throw invalid("its shape \(shape) of \(type) needs \(bytes) bytes, its data_offsets hold \(end - begin)")
        }
        return Entry(name: name, type: type, shape: shape, range: dataStart + begin..<dataStart + end)
    }

    /// Checks that the sorted `entries` follow each other without gap and fill the file.
    private static func checkCover(
        _ entries: [Entry], dataStart: Int, fileSize: Int, file: String
    ) throws(SafetensorsError) {
        var position = dataStart
        for entry in entries {
            guard entry.range.lowerBound == position else {
                let problem = entry.range.lowerBound < position ? "overlaps the tensor before it" : "follows a hole"
                throw .invalidTensor(
                    name: String(decoding: entry.name.prefix(200), as: UTF8.self), file: file,
                    reason: "its data \(problem) in the file")
            }
            position = entry.range.upperBound
        }
        guard position == fileSize else {
            throw .malformed(file: file, reason: "\(fileSize - position) bytes follow the last tensor")
        }
    }
}

/// Why a safetensors file is refused. Every case names the file; those about one tensor name it.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be a safetensors file; `reason` says why.
    case malformed(file: String, reason: String)
    /// One tensor's entry in the header is wrong.
    case invalidTensor(name: String, file: String, reason: String)
    /// The file, or the folder of files, has no such tensor.
    case missingTensor(name: String, file: String)
    /// The tensor is stored as a type that is not read.
    case unsupportedType(name: String, file: String, type: String)
    /// The tensor holds values that are not finite.
    case notFinite(name: String, file: String, shape: [Int], NotFiniteValues)
    /// A value of the tensor becomes infinite in the type in which it is to be written.
    case tooLarge(name: String, file: String, place: String, value: Float, type: String)

    package var description: String {
        switch self {
        case .malformed(let file, let reason): "\(file): not a valid safetensors file: \(reason)"
        case .invalidTensor(let name, let file, let reason): "\(file): tensor \(name): \(reason)"
        case .missingTensor(let name, let file): "\(file): there is no tensor \(name)"
        case .unsupportedType(let name, let file, let type):
            "\(file): tensor \(name) has type \(type); F32, F16 and BF16 are read"
        case .notFinite(let name, let file, let shape, let values):
            "\(file): tensor \(name): \(values.description(shape: shape)); nothing can be computed with it"
        case .tooLarge(let name, let file, let place, let value, let type):
            "\(file): tensor \(name): the value \(value) at \(place) is too large for \(type), in which it would be "
                + "infinite; write another type, F32 for example"
        }
    }
}
