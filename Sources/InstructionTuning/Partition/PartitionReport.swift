package import Storage

/// Who holds how many records of which category.
package struct PartitionReport: Sendable, Equatable {
    /// One row: a peer, or the held-out records.
    package struct Row: Sendable, Equatable {
        package var name: String
        /// Records that are trained on, or measured on by all.
        package var records: Int
        /// Records of the peer's validation part.
        package var validation = 0
        /// The number of records of each of the report's categories, in their order.
        package var counts: [Int]
    }

    /// The categories by the bytes of their names.
    package let categories: [String]
    /// The peers in their order.
    package let peers: [Row]
    package let heldOut: Row

    /// Counts what a partition holds.
    package init(_ partition: DataPartition) {
        let all = partition.peers.flatMap(\.records) + partition.heldOut
        let categories = CategoryGroups.of(all, at: Array(all.indices)).map(\.category)
        func row(_ name: String, _ records: [InstructionRecord]) -> Row {
            var counts: [String: Int] = [:]
            for record in records { counts[record.category, default: 0] += 1 }
            return Row(name: name, records: records.count, counts: categories.map { counts[$0, default: 0] })
        }
        self.categories = categories
        peers = partition.peers.map { part in
            var row = row(part.name, part.records)
            row.validation = part.validation.count
            return row
        }
        heldOut = row("held-out", partition.heldOut)
    }

    /// A table for people: a line a peer, a column a category.
    package var table: String {
        // Its own column, as the categories are those of the records before it.
        let hasValidation = peers.contains { $0.validation > 0 }
        let heading =
            ["peer"] + (hasValidation ? ["validation"] : []) + ["records"]
            + categories.map { $0.isEmpty ? "(none)" : $0 }
        let rows = (peers + [heldOut]).map { row in
            [row.name] + (hasValidation ? [row.validation == 0 ? "·" : String(row.validation)] : [])
                + [String(row.records)] + row.counts.map { $0 == 0 ? "·" : String($0) }
        }
        let lines = [heading] + rows
        let widths = heading.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            zip(cells, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + space : space + cell.0
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// The report for `--json`: `{"peers":[{"name","records","categories":{…}}],"held_out":{…}}`, and `validation` where a
    /// peer has such a part.
    package var json: JSONValue {
        func object(_ row: Row, named: Bool) -> JSONValue {
            let counts = zip(categories, row.counts).map { ($0, JSONValue.integer($1)) }
            let validation = row.validation > 0 ? [("validation", JSONValue.integer(row.validation))] : []
            let members =
                [("records", JSONValue.integer(row.records))] + validation
                + [("categories", .object(JSONObject(counts)))]
            return .object(JSONObject((named ? [("name", .text(row.name))] : []) + members))
        }
        return .object(
            JSONObject([
                ("peers", .array(peers.map { object($0, named: true) })),
                ("held_out", object(heldOut, named: false)),
            ]))
    }
}
