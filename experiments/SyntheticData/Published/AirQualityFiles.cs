using System.Globalization;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>The PRSA_Data files of a folder, as columns of numbers; what is missing is not a number.</summary>
internal static class AirQualityFiles
{
    private const string Missing = "NA";

    private static readonly string[] Pollutants = ["PM2.5", "PM10", "SO2", "NO2", "CO"];
    private static readonly string[] Weather = ["TEMP", "PRES", "DEWP", "RAIN", "WSPM"];

    // Clockwise from north, 22.5 degrees apart.
    private static readonly string[] Winds =
        ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

    /// <summary>One station's hours.</summary>
    internal sealed record Station(string Name, string Path, DateTime First, IReadOnlyDictionary<string, IReadOnlyList<double>> Columns)
    {
        public int Hours => Columns[Pollutants[0]].Count;
    }

    /// <summary>All stations, by name.</summary>
    /// <param name="folder">The folder of the files.</param>
    /// <param name="main">The station whose weather is kept; it may be missing.</param>
    public static IReadOnlyList<Station> Read(string folder, string main)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder '{folder}' does not exist.");
        var stations = new List<Station>();
        foreach (var path in Directory.GetFiles(folder, "PRSA_Data_*.csv").Order(StringComparer.Ordinal))
            stations.Add(ReadStation(path, main, stations.Count == 0 ? 0 : stations[0].Hours));
        if (stations.Count == 0)
            throw new DatasetFormatException(folder, "holds no file PRSA_Data_*.csv.");
        foreach (var station in stations)
            if (station.First != stations[0].First || station.Hours != stations[0].Hours)
                throw new DatasetFormatException(
                    station.Path,
                    $"holds {station.Hours} hours from {Text(station.First)}; '{stations[0].Path}' holds {stations[0].Hours} from {Text(stations[0].First)}.");
        if (stations.GroupBy(station => station.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new DatasetFormatException(twice.Last().Path, $"is a second file of the station '{MessageText.Of(twice.Key)}'.");
        return [.. stations.OrderBy(station => station.Name, StringComparer.Ordinal)];
    }

    /// <summary>The features in the order of the paper's re-run.</summary>
    public static IReadOnlyList<(string Name, IReadOnlyList<double> Values)> Features(IReadOnlyList<Station> stations, Station main) =>
    [
        .. stations.SelectMany(station => Pollutants.Select(name => ($"{station.Name} {name}", station.Columns[name]))),
        .. Weather.Concat(["wind sine", "wind cosine"]).Select(name => ($"{main.Name} {name}", main.Columns[name])),
    ];

    // All files have the same hours: with room for them from the start no list grows, and none is copied.
    private static Station ReadStation(string path, string main, int hours)
    {
        var file = CsvFile.Open(path);
        int[] time = [.. new[] { "year", "month", "day", "hour" }.Select(file.Column)];
        var (wind, name) = (file.Column("wd"), file.Column("station"));
        var places = Pollutants.Concat(Weather).Select(column => (Name: column, Index: file.Column(column), Values: new List<double>())).ToArray();
        var (sines, cosines) = (new List<double>(), new List<double>());
        var count = 0;
        string? station = null;
        DateTime? first = null;
        foreach (var (line, fields) in file.Rows())
        {
            station ??= fields[name];
            if (fields[name] != station)
                throw new DatasetFormatException(path, $"has the station '{MessageText.Of(fields[name])}' in line {line}, after '{MessageText.Of(station)}'.");
            var hour = Hour(file, line, fields, time);
            first ??= hour;
            if (hour != first.Value.AddHours(count))
                throw new DatasetFormatException(
                    path, $"has the hour {Text(hour)} in line {line}, where {Text(first.Value.AddHours(count))} should be.");
            count++;
            // What is not kept is checked all the same.
            foreach (var (column, index, values) in places)
            {
                var value = fields[index] == Missing ? double.NaN : file.Number(line, index, fields[index]);
                if (station == main || Pollutants.Contains(column))
                    Keep(values, value);
            }

            var angle = Angle(path, line, fields[wind]);
            if (station != main)
                continue;
            Keep(sines, Math.Sin(angle));
            Keep(cosines, Math.Cos(angle));
        }

        if (station is null || first is null)
            throw new DatasetFormatException(path, "holds no hour.");
        var columns = places.ToDictionary(place => place.Name, IReadOnlyList<double> (place) => place.Values);
        columns["wind sine"] = sines;
        columns["wind cosine"] = cosines;
        return new(station, path, first.Value, columns);

        void Keep(List<double> values, double value)
        {
            values.EnsureCapacity(hours);
            values.Add(value);
        }
    }

    private static DateTime Hour(CsvFile file, int line, string[] fields, int[] places)
    {
        var parts = places.Select(place => file.Whole(line, place, fields[place])).ToArray();
        try
        {
            return new(parts[0], parts[1], parts[2], parts[3], 0, 0);
        }
        catch (ArgumentOutOfRangeException cause)
        {
            throw new DatasetFormatException(file.Path, $"has no date and hour in line {line}: {string.Join('-', parts)}.", cause);
        }
    }

    private static string Text(DateTime hour) => hour.ToString("yyyy-MM-dd HH", CultureInfo.InvariantCulture);

    private static double Angle(string path, int line, string wind)
    {
        if (wind == Missing)
            return double.NaN;
        var place = Array.IndexOf(Winds, wind);
        return place >= 0
            ? place * Math.PI / 8
            : throw new DatasetFormatException(path, $"has the wind direction '{MessageText.Of(wind)}' in line {line}; known are {string.Join(", ", Winds)}.");
    }
}
