import Foundation
import Yams

extension TopologyValue {
    /// The largest file that is read, in bytes.
    package static let maximumFileSize = 16 << 20

    /// The text of the file at `path`, which messages call `name`.
    ///
    /// Throws a `TopologyError` where the file cannot be read, is too large or is not UTF-8.
    package static func contents(of path: String, named name: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TopologyError(file: name, problem: "the file cannot be read; check its name and its permissions")
        }
        guard data.count <= maximumFileSize else {
            throw TopologyError(file: name, problem: "the file is larger than \(maximumFileSize >> 20) MiB")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw TopologyError(file: name, problem: "the file is not UTF-8 text")
        }
        guard !text.hasPrefix("version https://git-lfs.github.com/spec/") else {
            throw TopologyError(
                file: name, problem: "this is a Git LFS pointer, not the file itself; fetch it: git lfs pull")
        }
        return text
    }

    /// The whole of a YAML text, which messages call `file`.
    ///
    /// Throws a `TopologyError` with the place where the text is not YAML.
    package static func root(of text: String, file: String) throws -> TopologyValue {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw Self.error(from: error, file: file)
        }
        guard let root else { throw TopologyError(file: file, problem: "the file is empty") }
        return TopologyValue(node: root, path: "", file: file, line: root.mark?.line ?? 1)
    }

    private static func error(from error: YamlError, file: String) -> TopologyError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return TopologyError(file: file, line: mark.line, problem: "the YAML is faulty: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? "?"
            return TopologyError(
                file: file, line: context.mark.line, key: key, problem: "the key is given twice in one section")
        case .reader(let problem, _, _, _):
            return TopologyError(file: file, problem: "the text cannot be read as YAML: \(problem)")
        default:
            return TopologyError(file: file, problem: "the text cannot be read as YAML")
        }
    }
}
