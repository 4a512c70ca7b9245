from catboost import CatBoostRegressor
from sklearn.model_selection import train_test_split
from vega_datasets import local_data

from service import CAR, FuelEconomy

if __name__ == "__main__":
    cars = local_data.cars().dropna(subset="Miles_per_Gallon").astype(CAR)
    cars, held_out = train_test_split(cars, random_state=0)

    model = CatBoostRegressor(
        iterations=200, cat_features=["Origin"], random_seed=0, verbose=False, allow_writing_files=False
    )
    model.fit(cars[list(CAR)], cars["Miles_per_Gallon"])
    error = (model.predict(held_out[list(CAR)]) - held_out["Miles_per_Gallon"]).abs().mean()
    print(f"for {len(held_out)} cars that the model has not seen it is {error:.1f} miles off")
    held_out.to_csv("cars.csv", index=False)

    service = FuelEconomy()
    service.pack("model", model, metadata={"mean_absolute_error": error})
    print(service.save())
