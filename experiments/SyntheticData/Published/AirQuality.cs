namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// The Beijing air-quality data of twelve stations, ready for forecasting: windows of past hours, and the next hour's PM2.5 of one
/// station, as <see cref="TimeSeriesWindows"/> cuts them.
/// </summary>
public static class AirQuality
{
    /// <summary>
    /// Reads the folder of PRSA_Data_STATION_*.csv files. Features are PM2.5, PM10, SO2, NO2 and CO of every station, and of the
    /// main one TEMP, PRES, DEWP, RAIN, WSPM and the wind direction as sine and cosine. A missing value is "NA".
    /// </summary>
    /// <param name="folder">The folder with one file for each station, all over the same hours.</param>
    /// <param name="hours">How many past hours a window has, at least 1.</param>
    /// <param name="trainingFraction">The share of the hours that is the training part, above 0 and below 1.</param>
    /// <param name="station">The station whose PM2.5 is forecast.</param>
    /// <returns>The data, targets in micrograms a cubic metre before scaling; the caller disposes it.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="DatasetFormatException">
    /// The station is missing; a file lacks a column or has a field that is no number; the files do not hold the same hours one
    /// after another; in the training part a feature has no value or the target never changes; a part has no window.
    /// </exception>
    public static TimeSeriesWindows Load(string folder, int hours = 24, double trainingFraction = 0.8, string station = "Aotizhongxin")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(station);
        var stations = AirQualityFiles.Read(folder, station);
        var main = stations.FirstOrDefault(read => read.Name == station) ?? throw new DatasetFormatException(
            folder, $"has no file of the station '{station}'; it has {string.Join(", ", stations.Select(read => read.Name))}.");
        return TimeSeriesWindows.FromColumns(
            folder,
            [.. AirQualityFiles.Features(stations, main).Select(column => KeyValuePair.Create(column.Name, column.Values))],
            KeyValuePair.Create($"{station} PM2.5", main.Columns["PM2.5"]),
            hours,
            trainingFraction: trainingFraction);
    }
}
