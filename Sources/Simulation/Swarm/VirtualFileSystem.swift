import Basics
package import Faults
package import Storage

/// One peer's disk: files as its process sees them, and what of them survives when the power fails.
///
/// A model of what POSIX promises and no more: bytes survive from `fsync` of their file on, names from `fsync` of their
/// folder on. Until then any of the changed names may have survived and the others not, and any front part of the bytes.
package struct VirtualFileSystem: FileSystem {
    /// Bytes are written in parts of this many, each of which may be the last.
    package static let blockSize = 512

    /// A file without its names.
    private struct Inode: Sendable {
        var content: [UInt8] = []
        var durable: [UInt8] = []
        /// Whether the disk lied about it: it said that it was synchronised, or wrote elsewhere.
        var isTainted = false
    }

    /// One operation on names: which then stands for which file, or for none.
    private struct NameChange: Sendable {
        var entries: [(name: String, inode: Int?)]
    }

    private var files: [Int: Inode] = [:]
    /// How many files there are, with and without a name.
    package var inodes: Int { files.count }
    private var nextInode = 0
    private var names: [String: Int] = [:]
    private var durableNames: [String: Int] = [:]
    /// What was done to names since their folder was synchronised.
    private var pending: [NameChange] = []
    private var isErased = false
    private var generator: SeededGenerator

    /// What it does wrong now.
    package var fault: DiskFault?
    /// After how many more steps the machine stops; nil for never. A step is a block or an operation.
    package var stepsLeft: Int?
    /// Steps so far.
    package private(set) var steps = 0

    /// An empty disk; `seed` draws what a misdirected write and a failing power leave.
    package init(seed: UInt64, index: UInt64 = 0) {
        generator = SeededGenerator(seed: seed, label: "disk", index: index)
    }

    /// Whether something that it said was safe may be lost.
    package var hasBetrayed: Bool { isErased || names.values.contains { files[$0]!.isTainted } }

    /// The peer was started, and knows now what it has.
    package mutating func forgive() {
        isErased = false
        for key in files.keys { files[key]!.isTainted = false }
    }

    /// Everything is gone.
    package mutating func erase() {
        (names, durableNames, pending, files) = ([:], [:], [], [:])
        isErased = true
    }

    /// The power fails. Of the names that were changed and not synchronised those survive for whose number `keeps` is
    /// true, of the bytes that were not synchronised the share `share`.
    package mutating func losePower(keeping keeps: (Int) -> Bool, share: Double) {
        for (number, change) in pending.enumerated() where keeps(number) {
            for (name, inode) in change.entries { durableNames[name] = inode }
        }
        pending = []
        names = durableNames
        for key in files.keys where files[key]!.content != files[key]!.durable {
            let content = files[key]!.content
            files[key]!.durable = Array(content.prefix(Int(Double(content.count) * share)))
            files[key]!.content = files[key]!.durable
        }
        forgetNameless()
    }

    /// The power fails, and what survives is drawn.
    package mutating func losePower() {
        let kept = generator.next()
        let share = generator.uniform()
        losePower(keeping: { kept >> UInt64($0 & 63) & 1 == 1 }, share: share)
    }

    /// Files that no name stands for any more.
    private mutating func forgetNameless() {
        let named = Set(names.values).union(durableNames.values).union(
            pending.flatMap { $0.entries.compactMap(\.inode) })
        files = files.filter { named.contains($0.key) }
    }

    /// One step towards the end of the machine's life.
    private mutating func step(_ path: String) throws(FileError) {
        if let left = stepsLeft {
            guard left > 0 else { throw .other(path: path, reason: "the machine stopped") }
            stepsLeft = left - 1
        }
        steps += 1
    }

    private mutating func change(_ entries: [(name: String, inode: Int?)]) {
        for (name, inode) in entries { names[name] = inode }
        pending.append(NameChange(entries: entries))
    }

    private func refuse(_ path: String) throws(FileError) {
        switch fault {
        case .full: throw .diskFull(path: path)
        case .failing: throw .other(path: path, reason: "input/output error")
        case nil, .lostSync, .misdirected: break
        }
    }
}

extension VirtualFileSystem {
    package mutating func createFolder(_ folder: String) throws(FileError) { try step(folder) }

    package func contents(of path: String) throws(FileError) -> [UInt8]? { names[path].map { files[$0]!.content } }

    package mutating func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        try step(path)
        try refuse(path)
        let inode: Int
        if let known = names[path] {
            inode = known
            files[inode]!.content = []
        } else {
            inode = nextInode
            nextInode += 1
            files[inode] = Inode()
            change([(path, inode)])
        }
        var written = bytes
        if fault == .misdirected, !bytes.isEmpty {
            // A block that belongs here went elsewhere; what lies here is another's.
            let start = Int.random(in: 0...(bytes.count - 1) / Self.blockSize, using: &generator) * Self.blockSize
            for index in start..<min(start + Self.blockSize, bytes.count) {
                written[index] = UInt8.random(in: 0...255, using: &generator)
            }
            files[inode]!.isTainted = true
        }
        var position = 0
        while position < written.count {
            try step(path)
            let end = min(position + Self.blockSize, written.count)
            files[inode]!.content += written[position..<end]
            position = end
        }
        try step(path)
        if fault == .lostSync {
            files[inode]!.isTainted = true
        } else {
            files[inode]!.durable = files[inode]!.content
        }
    }

    package mutating func link(_ path: String, as other: String) throws(FileError) {
        try step(other)
        try refuse(other)
        guard let inode = names[path] else { throw .notFound(path: path) }
        guard names[other] == nil else { throw .other(path: other, reason: "the file exists") }
        change([(other, inode)])
    }

    package mutating func rename(_ path: String, to other: String) throws(FileError) {
        try step(other)
        try refuse(other)
        guard let inode = names[path] else { throw .notFound(path: path) }
        // Two names of one file: POSIX leaves both.
        guard names[other] != inode else { return }
        change([(other, inode), (path, nil)])
    }

    package mutating func remove(_ path: String) throws(FileError) {
        try step(path)
        guard names[path] != nil else { return }
        change([(path, nil)])
    }

    package mutating func synchronise(folder: String) throws(FileError) {
        try step(folder)
        try refuse(folder)
        guard fault != .lostSync else { return }
        durableNames = names
        pending = []
        forgetNameless()
    }
}
