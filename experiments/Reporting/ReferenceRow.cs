namespace MappingNets.Experiments.Reporting;

/// <summary>A row that no network was trained for, to hold the others against: a forecast of no change, a linear regression.</summary>
/// <param name="Label">What tables call it.</param>
/// <param name="Fitted">How many numbers were fitted to the training set; 0 where nothing was.</param>
/// <param name="Results">Results on the test set by the names that published tables have for them, such as <see cref="PublishedRow.Loss"/>.</param>
public sealed record ReferenceRow(string Label, long Fitted, IReadOnlyDictionary<string, double> Results);
