/// What a terminal shows: a grid of rows that takes text and the escapes that the live view uses, wraps what is longer than
/// a row and scrolls what is more than a screen.
package struct ScreenModel: Sendable {
    private var columns: Int
    private var height: Int
    /// The rows on the screen, without the spaces at their ends.
    package var rows: [String] { grid.map { Self.trimmed($0) } }
    /// The rows that have scrolled away.
    package private(set) var scrolledAway: [String] = []
    /// How often text went on in the next row because the row was full.
    package private(set) var wraps = 0
    private var grid: [[Character]]
    private var row = 0
    private var column = 0

    package init(columns: Int, rows: Int) {
        self.columns = columns
        height = rows
        grid = Array(repeating: [], count: rows)
    }

    private static func trimmed(_ row: [Character]) -> String {
        String(row[...(row.lastIndex { $0 != " " } ?? -1)])
    }

    /// The terminal has another size: as many do it, what was longer than a row is now several, and the lowest rows stay.
    package mutating func resize(columns: Int, rows: Int) {
        var folded: [[Character]] = []
        for old in grid[...row] {
            let text = Array(Self.trimmed(old))
            var start = 0
            repeat {
                folded.append(Array(text[start..<min(text.count, start + columns)]))
                start += columns
            } while start < text.count
        }
        let gone = max(0, folded.count - rows)
        scrolledAway += folded.prefix(gone).map { String($0) }
        grid = Array(folded.dropFirst(gone))
        row = max(0, grid.count - 1)
        grid += Array(repeating: [], count: rows - grid.count)
        column = min(column, columns - 1)
        (self.columns, height) = (columns, rows)
    }

    /// Takes what a program writes.
    package mutating func write(_ text: String) {
        var rest = Substring(text)
        while let character = rest.popFirst() {
            switch character {
            case "\u{1B}": escape(&rest)
            // A terminal's line discipline makes a return and a line feed of it.
            case "\n": lineFeed()
            case "\r": column = 0
            default: put(character)
            }
        }
    }

    private mutating func put(_ character: Character) {
        if column == columns {
            wraps += 1
            lineFeed()
        }
        while grid[row].count <= column { grid[row].append(" ") }
        grid[row][column] = character
        column += 1
    }

    private mutating func lineFeed() {
        column = 0
        if row + 1 < height {
            row += 1
        } else {
            scrolledAway.append(Self.trimmed(grid.removeFirst()))
            grid.append([])
        }
    }

    private mutating func escape(_ rest: inout Substring) {
        precondition(rest.popFirst() == "[", "an escape that this model does not know")
        let digits = rest.prefix { $0.isNumber }
        rest = rest.dropFirst(digits.count)
        switch (rest.popFirst(), Int(digits)) {
        case ("A", let count): row = max(0, row - (count ?? 1))
        case ("H", nil): (row, column) = (0, 0)
        case ("K", 2): grid[row] = []
        case ("J", nil): clear(from: row)
        case ("J", 2): for row in grid.indices { grid[row] = [] }
        case (let letter, _): preconditionFailure("an escape that this model does not know: \(letter ?? " ")\(digits)")
        }
    }

    private mutating func clear(from first: Int) {
        grid[first] = Array(grid[first].prefix(column))
        for row in (first + 1)..<max(first + 1, grid.count) { grid[row] = [] }
    }
}
