from statsmodels.datasets import co2
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from service import CarbonDioxide

if __name__ == "__main__":
    weekly = co2.load_pandas().data["co2"]
    monthly = weekly.resample("MS").mean().interpolate()
    known, held_out = monthly[:"1999"], monthly["2000":]

    model = ETSModel(known, trend="add", seasonal="add", seasonal_periods=12).fit(disp=False)
    error = (model.forecast(len(held_out)) - held_out).abs().mean()
    print(f"for {len(held_out)} months that the model has not seen it is {error:.2f} ppm off")

    service = CarbonDioxide()
    service.pack("model", model, metadata={"mean_absolute_error": error, "until": "1999-12"})
    print(service.save())
