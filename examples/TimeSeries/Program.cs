using MappingNets.Examples.TimeSeries;
using MappingNets.Experiments.Reporting;

return ExampleProgram.Run(
    args,
    """
    Forecasts the next hour's fine dust with an LSTM, trained directly and through a latent, and writes a table and a plot.

      FOLDER           the PRSA_Data_*.csv files of the Beijing Multi-Site Air-Quality data; synthetic data by default
      --out FOLDER     where the results go; artifacts/time-series where it is not named
      --seed N         the seed of every run and of synthetic data; 1 by default
      --epochs N       epochs of every training; 15 where it is not named
    """,
    Path.Combine("artifacts", "time-series"),
    Forecasting.Run);
