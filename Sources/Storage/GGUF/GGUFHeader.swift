internal import Basics

/// The checked beginning of a GGUF file (versions 2 and 3): metadata and the table of tensors.
///
/// Layout, least significant byte first: `GGUF`, the version (UInt32), the number of tensors and of metadata pairs (UInt64
/// each), the pairs, the tensors' entries, padding to the alignment, the data. The data need not be without holes, but
/// tensors must lie in the file and must not overlap.
package struct GGUFHeader: Sendable {
    /// One tensor's entry.
    package struct Entry: Sendable, Equatable {
        /// The name, for example `blk.0.attn_q.weight`.
        package let name: String
        /// How its values are stored.
        package let type: GGUFTensorType
        /// The sizes of the dimensions, outermost first as in safetensors; the file has them innermost first.
        package let shape: [Int]
        /// Where the values lie, counted in bytes from the start of the file.
        package let range: Range<Int>

        /// The number of values.
        package var count: Int { shape.reduce(1, *) }
    }

    /// The metadata's keys in the order of the file.
    package let keys: [String]
    /// The entries in the order of the file.
    package let entries: [Entry]
    /// Where each metadata pair lies, counted in bytes from the start of the file: key, type and value.
    let pairRanges: [String: Range<Int>]
    private let values: [String: GGUFValue]
    private let index: [String: Int]

    /// The value of a metadata key, for example `general.architecture`.
    package subscript(key: String) -> GGUFValue? { values[key] }

    /// The entry called `name`.
    package func entry(named name: String) -> Entry? { index[name].map { entries[$0] } }

    /// The bytes that a header may have: of real models, vocabularies of a quarter of a million tokens take some 15 MB.
    package static let lengthLimit = 64 << 20
    /// The tensors, and the metadata pairs, that a file may have.
    static let countLimit = 1 << 20
    private static let nameLimit = 1024
    private static let alignmentLimit: UInt64 = 1 << 16
    /// No dimension, and no tensor, has more values than this.
    private static let valueLimit = 1 << 48

    /// Reads a header from the beginning of a file.
    ///
    /// - Parameters:
    ///   - prefix: the file's first bytes.
    ///   - fileSize: the size of the whole file.
    ///   - file: the file's name, for errors.
    /// - Returns: nil if the header goes on behind `prefix`.
    /// - Throws: `GGUFError`.
    package init?(prefix: [UInt8], fileSize: Int, file: String) throws(GGUFError) {
        var reader = GGUFReader(prefix, fileSize: fileSize, file: file)
        do throws(GGUFReader.Failure) {
            let (tensorCount, pairCount) = try Self.readCounts(&reader)
            var keys: [String] = []
            var values: [String: GGUFValue] = [:]
            var pairRanges: [String: Range<Int>] = [:]
            for _ in 0..<pairCount {
                let start = reader.position
                let key = try reader.text(limit: Self.nameLimit, what: "a metadata key")
                let value = try reader.value(of: key)
                guard values.updateValue(value, forKey: key) == nil else {
                    throw reader.malformed("the metadata key \(key) stands there twice")
                }
                keys.append(key)
                pairRanges[key] = start..<reader.position
            }
            let alignment = try Self.alignment(values["general.alignment"], reader)
            var drafts: [Draft] = []
            for _ in 0..<tensorCount { drafts.append(try Self.readEntry(&reader, alignment: alignment)) }
            let start = (reader.position + alignment - 1) / alignment * alignment
            entries = try Self.place(drafts, from: start, reader)
            self.keys = keys
            self.values = values
            self.pairRanges = pairRanges
            var index: [String: Int] = [:]
            for (position, entry) in entries.enumerated() {
                guard index.updateValue(position, forKey: entry.name) == nil else {
                    throw reader.malformed("the tensor \(entry.name) stands there twice")
                }
            }
            self.index = index
        } catch {
            switch error {
            case .needsMore: return nil
            case .refused(let reason): throw reason
            }
        }
    }

    private static func readCounts(
        _ reader: inout GGUFReader
    ) throws(GGUFReader.Failure) -> (tensors: Int, pairs: Int) {
        guard try reader.bytes(4, what: "the first word") == Array("GGUF".utf8) else {
            throw reader.malformed("it does not begin with GGUF")
        }
        let version = try reader.integer(UInt32.self, what: "the version")
        guard version == 2 || version == 3 else {
            // A file of the other byte order shows its version in the high byte.
            let hint = version.byteSwapped <= 3 ? "most significant byte first" : "version \(version)"
            throw reader.malformed("it is written in \(hint); versions 2 and 3, least significant byte first, are read")
        }
        let tensors = try reader.integer(UInt64.self, what: "the number of tensors")
        let pairs = try reader.integer(UInt64.self, what: "the number of metadata pairs")
        guard tensors <= UInt64(countLimit), pairs <= UInt64(countLimit) else {
            throw reader.malformed("it is said to have \(tensors) tensors and \(pairs) metadata pairs")
        }
        return (Int(tensors), Int(pairs))
    }

    private static func alignment(_ value: GGUFValue?, _ reader: GGUFReader) throws(GGUFReader.Failure) -> Int {
        guard let value else { return 32 }
        guard case .unsigned(let alignment) = value, (1...alignmentLimit).contains(alignment),
            alignment & (alignment - 1) == 0
        else { throw reader.malformed("general.alignment is not a power of two up to \(alignmentLimit)") }
        return Int(alignment)
    }

    /// An entry before it is known where the data begin.
    private struct Draft {
        var name: String
        var type: GGUFTensorType
        var shape: [Int]
        var offset: Int
        var byteCount: Int
    }

    private static func readEntry(_ reader: inout GGUFReader, alignment: Int) throws(GGUFReader.Failure) -> Draft {
        let name = try reader.text(limit: nameLimit, what: "a tensor's name")
        func wrong(_ reason: String) -> GGUFReader.Failure {
            .refused(.invalidTensor(name: name, file: reader.file, reason: reason))
        }
        let rank = try reader.integer(UInt32.self, what: "the dimensions of \(name)")
        guard (1...4).contains(rank) else { throw wrong("it has \(rank) dimensions; 1 to 4 are read") }
        var shape: [Int] = []
        var count = 1
        for _ in 0..<rank {
            let size = try reader.integer(UInt64.self, what: "the shape of \(name)")
            guard (1...UInt64(valueLimit)).contains(size) else { throw wrong("a dimension has the size \(size)") }
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(size))
            guard !overflow, product <= valueLimit else { throw wrong("it has too many values") }
            count = product
            shape.append(Int(size))
        }
        let number = try reader.integer(UInt32.self, what: "the type of \(name)")
        guard let type = GGUFTensorType(rawValue: number) else {
            let typeName = GGUFTensorType.otherNames[number] ?? "number \(number)"
            throw .refused(.unsupportedType(name: name, file: reader.file, type: typeName))
        }
        guard shape[0].isMultiple(of: type.blockLength) else {
            throw wrong(
                "a row of \(shape[0]) values is not whole blocks of \(type.blockLength), which \(type.name) has")
        }
        guard let byteCount = type.byteCount(of: count) else { throw wrong("it has too many values") }
        let offset = try reader.integer(UInt64.self, what: "the place of \(name)")
        guard offset <= UInt64(valueLimit), offset.isMultiple(of: UInt64(alignment)) else {
            throw wrong("its place \(offset) is not a multiple of the alignment \(alignment)")
        }
        return Draft(
            name: name, type: type, shape: shape.reversed(), offset: Int(offset), byteCount: byteCount)
    }

    /// The entries with the places of their data, which begin at `start`.
    private static func place(
        _ drafts: [Draft], from start: Int, _ reader: GGUFReader
    ) throws(GGUFReader.Failure) -> [Entry] {
        var entries: [Entry] = []
        for draft in drafts {
            let (lower, overflow) = start.addingReportingOverflow(draft.offset)
            let (upper, overflowed) = lower.addingReportingOverflow(draft.byteCount)
            guard !overflow, !overflowed, upper <= reader.fileSize else {
                let reason = "its data end behind the file's \(reader.fileSize) bytes; the file is cut short"
                throw .refused(.invalidTensor(name: draft.name, file: reader.file, reason: reason))
            }
            entries.append(Entry(name: draft.name, type: draft.type, shape: draft.shape, range: lower..<upper))
        }
        let ordered = entries.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (entry, next) in zip(ordered, ordered.dropFirst()) where next.range.lowerBound < entry.range.upperBound {
            let reason = "its data overlap those of \(entry.name)"
            throw .refused(.invalidTensor(name: next.name, file: reader.file, reason: reason))
        }
        return entries
    }
}

/// Why a GGUF file is refused. Every case names the file; those about one tensor name it.
package enum GGUFError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be a GGUF file; `reason` says why.
    case malformed(file: String, reason: String)
    /// One tensor's entry is wrong.
    case invalidTensor(name: String, file: String, reason: String)
    /// The file has no such tensor.
    case missingTensor(name: String, file: String)
    /// A tensor that is to be written has a value that is not finite, or is too large for its type.
    case notFinite(name: String, file: String)
    /// The tensor is stored as a type that is not read.
    case unsupportedType(name: String, file: String, type: String)

    package var description: String {
        switch self {
        case .malformed(let file, let reason): "\(file): not a valid GGUF file: \(reason)"
        case .invalidTensor(let name, let file, let reason): "\(file): tensor \(name): \(reason)"
        case .missingTensor(let name, let file): "\(file): there is no tensor \(name)"
        case .notFinite(let name, let file):
            "\(file): tensor \(name): a value is not finite, or beyond half precision; nothing is written"
        case .unsupportedType(let name, let file, let type):
            "\(file): tensor \(name) has type \(type); "
                + "\(GGUFTensorType.allCases.map(\.name).joined(separator: ", ")) are read"
        }
    }
}
