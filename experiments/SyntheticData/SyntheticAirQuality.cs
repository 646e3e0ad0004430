using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// Synthetic hours of twelve stations, as files in the format of the Beijing data: PRSA_Data_STATION_*.csv with its columns, missing
/// values and wind directions. The weather is invented, with mild seasons; only the format is real. Southerly air gathers fine dust over hours and
/// reaches the stations one after another; northerly wind and rain carry it off. So wind and neighbours do tell of the next hour.
/// </summary>
public static class SyntheticAirQuality
{
    private const string Header =
        "\"No\",\"year\",\"month\",\"day\",\"hour\",\"PM2.5\",\"PM10\",\"SO2\",\"NO2\",\"CO\",\"O3\",\"TEMP\",\"PRES\",\"DEWP\",\"RAIN\",\"wd\",\"WSPM\",\"station\"";

    /// <summary>The longest way of the dust from the first station to the last, hours.</summary>
    private const int LongestWay = 5;

    private static readonly DateTime Start = new(2013, 3, 1);

    private static readonly string[] Winds =
        ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

    // The names of the real stations, and how many hours after the first one the dust reaches each.
    private static readonly (string Name, int Way)[] Stations =
    [
        ("Aotizhongxin", 3), ("Changping", 4), ("Dingling", 5), ("Dongsi", 2), ("Guanyuan", 2), ("Gucheng", 1), ("Huairou", 5),
        ("Nongzhanguan", 2), ("Shunyi", 4), ("Tiantan", 1), ("Wanliu", 3), ("Wanshouxigong", 0),
    ];

    /// <summary>Writes one file for each of twelve stations.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <param name="hours">How many hours from March 2013 on, at least 1.</param>
    /// <param name="seed">Any seed; the same one gives the same files everywhere.</param>
    public static void Write(string folder, int hours, ulong seed)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(hours, 1);
        SyntheticMarker.Write(folder);
        var region = SyntheticWeather.Hours(hours + LongestWay, seed);
        foreach (var (name, way) in Stations)
        {
            var path = Path.Combine(folder, $"PRSA_Data_{name}_20130301-20170228.csv");
            AtomicFile.WriteAllText(path, Station(name, region.AsSpan(LongestWay - way, hours), region.AsSpan(LongestWay, hours), seed));
        }
    }

    private static string Station(string name, ReadOnlySpan<SyntheticWeather> dust, ReadOnlySpan<SyntheticWeather> sky, ulong seed)
    {
        var random = new SyntheticRandom(seed, "air quality of " + name);
        var gaps = new Gaps(random);
        var text = new StringBuilder(Header).Append('\n');
        var offset = 0.15 * random.Normal();
        double local = 0;
        for (var hour = 0; hour < sky.Length; hour++)
        {
            var now = sky[hour];
            local = (0.9 * local) + (0.04 * random.Normal());
            var particles = Math.Max(1, Math.Exp(dust[hour].LogDust + offset + local) + random.Normal());
            var traffic = now.Traffic * Math.Exp(0.3 * local);
            var time = Start.AddHours(hour);
            string[] values =
            [
                Number(particles, 0),
                Number((1.25 * particles) + 12 + (4 * random.Normal()), 0),
                Number(4 + (0.12 * particles) + random.Normal(), 0),
                Number(12 + (38 * traffic) + (0.15 * particles) + (2 * random.Normal()), 0),
                Number(100 * Math.Round(3 + (4 * traffic) + (0.09 * particles) + (0.3 * random.Normal())), 0),
                Number(60 - (40 * traffic) + (2 * now.Temperature) + (5 * random.Normal()), 0),
                now.Temperature.ToString("F1", CultureInfo.InvariantCulture),
                now.Pressure.ToString("F1", CultureInfo.InvariantCulture),
                now.DewPoint.ToString("F1", CultureInfo.InvariantCulture),
                now.Rain.ToString("F1", CultureInfo.InvariantCulture),
                $"\"{Winds[now.WindSector]}\"",
                now.WindSpeed.ToString("F1", CultureInfo.InvariantCulture),
            ];
            gaps.Cut(values);
            text.Append(CultureInfo.InvariantCulture, $"{hour + 1},{time.Year},{time.Month},{time.Day},{time.Hour},")
                .AppendJoin(',', values).Append(CultureInfo.InvariantCulture, $",\"{name}\"\n");
        }

        return text.ToString();
    }

    private static string Number(double value, int digits) =>
        Math.Max(0, value).ToString("F" + digits, CultureInfo.InvariantCulture);

    /// <summary>Gaps of some hours in single columns, as instruments fail: about two of a hundred values are "NA".</summary>
    private sealed class Gaps(SyntheticRandom random)
    {
        private const double Beginning = 0.006;
        private const int LongestGap = 6;

        private int[] left = [];

        public void Cut(string[] values)
        {
            if (left.Length == 0)
                left = new int[values.Length];
            for (var column = 0; column < values.Length; column++)
            {
                if (left[column] == 0 && random.Chance(Beginning))
                    left[column] = 1 + random.Below(LongestGap);
                if (left[column] == 0)
                    continue;
                left[column]--;
                values[column] = "NA";
            }
        }
    }
}
