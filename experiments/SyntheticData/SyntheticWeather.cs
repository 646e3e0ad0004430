namespace MappingNets.Experiments.SyntheticData;

/// <summary>One synthetic hour over the whole region.</summary>
/// <param name="LogDust">The natural logarithm of the fine dust, micrograms a cubic metre, where it comes from.</param>
/// <param name="Traffic">How busy the roads are, about 0 to 1.</param>
/// <param name="Temperature">Degrees Celsius.</param>
/// <param name="Pressure">Hectopascal.</param>
/// <param name="DewPoint">Degrees Celsius.</param>
/// <param name="Rain">Millimetres.</param>
/// <param name="WindSector">The wind's direction clockwise from north in sixteenths, 0 to 15.</param>
/// <param name="WindSpeed">Metres a second.</param>
internal readonly record struct SyntheticWeather(
    double LogDust, double Traffic, double Temperature, double Pressure, double DewPoint, double Rain, int WindSector, double WindSpeed)
{
    // Where the logarithm of the dust goes when the air stands still.
    private const double RestingDust = 4.2;

    /// <summary>Consecutive hours.</summary>
    public static SyntheticWeather[] Hours(int count, ulong seed)
    {
        var random = new SyntheticRandom(seed, "weather");
        var hours = new SyntheticWeather[count];
        // Northerly where positive; it keeps its sign for a day or two.
        double flow = 0;
        double logDust = RestingDust;
        double rain = 0;
        for (var hour = 0; hour < count; hour++)
        {
            var season = Math.Cos(2 * Math.PI * (hour + (60 * 24)) / (365.25 * 24));
            var day = Math.Cos(2 * Math.PI * ((hour % 24) - 15) / 24);
            flow = (0.97 * flow) + (0.24 * random.Normal());
            rain = rain > 0.05 ? 0.7 * rain : random.Chance(0.01) ? random.Between(0.5, 8) : 0;
            logDust += (0.05 * (RestingDust + (0.1 * season) - logDust)) - (0.09 * Math.Max(0, flow)) + (0.05 * Math.Max(0, -flow))
                - (0.02 * rain) + (0.11 * random.Normal());
            var temperature = 13 - (5 * season) + (5 * day) - flow + (0.5 * random.Normal());
            var direction = (flow > 0 ? 15.5 : 8.5) + (2 * day) + (1.2 * random.Normal());
            hours[hour] = new(
                logDust,
                TrafficAt(hour % 24),
                temperature,
                1012 + (3 * season) + (2 * flow) + (0.5 * random.Normal()),
                temperature - 8 - (3 * flow) + (rain > 0 ? 5 : 0),
                rain < 0.05 ? 0 : rain,
                (((int)Math.Round(direction) % 16) + 16) % 16,
                Math.Max(0, 1.2 + (1.1 * Math.Abs(flow)) + (0.3 * random.Normal())));
        }

        return hours;
    }

    /// <summary>Two peaks, in the morning and in the evening.</summary>
    private static double TrafficAt(int hourOfDay) =>
        0.2 + (0.6 * Math.Exp(-Math.Pow(hourOfDay - 8, 2) / 6)) + (0.8 * Math.Exp(-Math.Pow(hourOfDay - 19, 2) / 10));
}
