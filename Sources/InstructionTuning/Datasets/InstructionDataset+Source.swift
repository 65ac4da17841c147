import Foundation
package import SwarmFile

extension InstructionDataset {
    /// Reads the files and folders of a source, one after the other, as if they were one file. Of a folder those files are
    /// read whose names end as files of instructions do, in the order of their names' bytes; folders in it are not.
    package static func read(
        _ source: DataSource, fields: SwarmTopology.Data.Fields = .defaults,
        onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        var parts: [InstructionDataset] = []
        for path in try files(of: source) { parts.append(try read(path: path, fields: fields, onBadRecord: policy)) }
        if parts.count == 1 { return parts[0] }
        return InstructionDataset(records: parts.flatMap(\.records), report: DatasetReport(of: parts.map(\.report)))
    }

    /// The files of a source, in the order in which they are read; one at least.
    static func files(of source: DataSource) throws(DatasetError) -> [String] {
        var files: [String] = []
        for path in source.paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
                files.append(path)
                continue
            }
            files += try self.files(inFolder: path)
        }
        return files
    }

    private static func files(inFolder path: String) throws(DatasetError) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let names = all.filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let found = names.filter(DataSource.isFile)
        guard !found.isEmpty else { throw .emptyFolder(path: path, others: Array(names.prefix(3))) }
        let folder = path.hasSuffix("/") ? path : path + "/"
        return found.map { folder + $0 }
    }

    /// The records file by file.
    package var parts: [DuplicateReport.Part] {
        let files = report.files.isEmpty ? [report] : report.files
        var start = 0
        return files.map { file in
            defer { start += file.records }
            return DuplicateReport.Part(name: file.path, records: Array(records[start..<(start + file.records)]))
        }
    }
}
